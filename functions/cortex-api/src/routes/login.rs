//! POST `/{org}/v2/accounts/login`.

use crate::Deps;
use crate::fault::{Fault, Kind};
use crate::objects::Objects;
use crate::reply::Reply;
use crate::routes::{Call, nowhere};
use crate::wire::body;
use lambda_http::Request;
use secrecy::SecretString;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use waybill_app::{Context, ObjectQuery, SignIn};
use waybill_http::{FINGERPRINT_COOKIE, QueryArguments, SESSION_COOKIE, browser_of, source_ip};

/// Who signs in. Other members, which tell of the device, are passed over.
#[derive(Debug, ToSchema)]
#[schema(as = Login)]
pub(crate) struct LoginBody {
    /// The account's e-mail address.
    #[expect(dead_code, reason = "describes the body")]
    email: String,
    /// Its password.
    #[expect(dead_code, reason = "describes the body")]
    password: String,
}

/// Begins a session: cookies `md.sid` and `md.fingerprint`, and the first `medable-csrf-token`. Whatever is wrong with
/// address or password, the answer is the same.
///
/// # Errors
/// `kAccessDenied`; `kThrottled` after too many attempts.
#[utoipa::path(
    post,
    path = "/{org}/v2/accounts/login",
    tag = "cortex",
    operation_id = "cortexLogin",
    params(("org" = String, Path, description = "The org's code")),
    request_body = LoginBody,
    responses(
        (status = 200, description = "Who signed in; the session is in the cookies", body = Value),
        (status = "4XX", description = "A fault", body = crate::fault::FaultBody),
    ),
    security(())
)]
pub(crate) async fn login(deps: &Deps, context: &Context, request: &Request, org: &str) -> Result<Reply, Fault> {
    let (mut members, _) = body::object(request)?;
    let (email, password) = (text(&mut members, "email"), text(&mut members, "password"));
    let (email, password) = match (email, password) {
        (Ok(email), Ok(password)) => (email, password),
        (email, password) => return Err(Fault::validation(email.err().into_iter().chain(password.err()).collect())),
    };
    let attempt = SignIn {
        org: org.parse().map_err(|_| nowhere())?,
        email,
        password: SecretString::from(password),
        address: source_ip(request),
    };
    let signed = waybill_app::sign_in(context, &deps.passwords, &attempt, browser_of(request)).await?;
    let query = QueryArguments::of(request)?;
    let call = Call { deps, context, principal: signed.principal, request, query };
    let account = Objects::named(&call, "accounts").await?.read(&call, "me", &ObjectQuery::default()).await?;
    // The pages of other sites use these, so `SameSite=None`, which browsers take with `Secure` only.
    let cookie =
        |name: &str, value: &str, path: &str| format!("{name}={value}; Path={path}; HttpOnly; Secure; SameSite=None");
    Ok(Reply::json(&account)?
        .with_cookie(cookie(SESSION_COOKIE, signed.token.expose(), &format!("/{org}")))
        .with_cookie(cookie(FINGERPRINT_COOKIE, signed.fingerprint.expose(), "/"))
        .with_csrf(Some(signed.csrf)))
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<String, Fault> {
    match members.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::Null | Value::String(_)) => {
            Err(Fault::new(Kind::Required).because("is required").at(format!("account.{name}")))
        }
        Some(_) => Err(Fault::new(Kind::InvalidValue).because("must be a string").at(format!("account.{name}"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::stage::Stage;

    const BODY: &str = r#"{"email":"Ann@example.com","password":"correct horse"}"#;

    /// The cookies and the token of a reply, as the next request's headers.
    fn kept(reply: &str) -> Vec<(String, String)> {
        let cookies: Vec<&str> = reply
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: "))
            .filter_map(|line| line.split(';').next())
            .collect();
        let token = reply.lines().find_map(|line| line.strip_prefix("medable-csrf-token: ")).unwrap();
        vec![("cookie".into(), cookies.join("; ")), ("medable-csrf-token".into(), token.into())]
    }

    async fn stage() -> Stage {
        let stage = Stage::new().await;
        stage.add_ann().await;
        stage
    }

    #[tokio::test]
    async fn a_session_reads_with_its_cookies_and_changes_with_its_token_too() {
        let stage = stage().await;
        let signed = stage.anonymous("POST", "/demo/v2/accounts/login", BODY).await;
        insta::assert_snapshot!(crate::stage::masked(&signed));
        let headers = kept(&signed);
        let me = stage.send_owned("GET", "/demo/v2/accounts/me", &headers[..1]).await;
        insta::assert_snapshot!("me", crate::stage::masked(&me));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let create = r#"{"objects":"airports"}"#;
        let forged = stage.send("POST", "/demo/v2/exports", &headers[..1], create).await;
        insta::assert_snapshot!("forged", crate::stage::masked(&forged));
        assert!(stage.send("POST", "/demo/v2/exports", &headers, create).await.starts_with("200"));
        // The refusal brought the next token to whoever could read it.
        let next = forged.lines().find_map(|line| line.strip_prefix("medable-csrf-token: ")).unwrap();
        let again = [headers[0], ("medable-csrf-token", next)];
        assert!(stage.send("POST", "/demo/v2/exports", &again, create).await.starts_with("200"));
        let out = stage.send("POST", "/demo/v2/accounts/logout", &headers, "").await;
        insta::assert_snapshot!("logout", crate::stage::masked(&out));
        assert!(stage.send("GET", "/demo/v2/accounts/me", &headers[..1], "").await.starts_with("403"));
        // Another org's paths lead nowhere, session or not.
        let signed = kept(&stage.anonymous("POST", "/demo/v2/accounts/login", BODY).await);
        assert!(stage.send_owned("GET", "/acme/v2/exports", &signed).await.starts_with("404"));
    }

    #[tokio::test]
    async fn a_browser_keeps_its_fingerprint_over_the_sessions_of_several_orgs() {
        let stage = stage().await;
        let first = kept(&stage.anonymous("POST", "/demo/v2/accounts/login", BODY).await);
        let headers = [("cookie", first[0].1.as_str())];
        let second = kept(&stage.send("POST", "/demo/v2/accounts/login", &headers, BODY).await);
        let print = |kept: &[(String, String)]| kept[0].1.split("; ").nth(1).unwrap().to_owned();
        assert_eq!(print(&first), print(&second));
        assert_ne!(first[0].1, second[0].1);
        assert!(stage.send("GET", "/demo/v2/accounts/me", &headers, "").await.starts_with("200"));
    }

    #[tokio::test]
    async fn whatever_is_wrong_the_answer_is_the_same() {
        let stage = stage().await;
        let mut answers = Vec::new();
        for (org, body) in [
            ("demo", r#"{"email":"ann@example.com","password":"wrong horse"}"#),
            ("demo", r#"{"email":"bob@example.com","password":"correct horse"}"#),
            ("acme", r#"{"email":"ann@example.com","password":"correct horse"}"#),
            ("nowhere", r#"{"email":"ann@example.com","password":"correct horse"}"#),
        ] {
            answers.push(stage.anonymous("POST", &format!("/{org}/v2/accounts/login"), body).await);
        }
        insta::assert_snapshot!(answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        insta::assert_snapshot!("bad_body", stage.anonymous("POST", "/demo/v2/accounts/login", r#"{"email":1}"#).await);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = "email=ann%40example.com&password=correct+horse";
        assert!(stage.send("POST", "/demo/v2/accounts/login", &form, body).await.starts_with("200"));
    }

    #[tokio::test]
    async fn guesses_are_throttled() {
        let stage = stage().await;
        let wrong = r#"{"email":"ann@example.com","password":"wrong horse"}"#;
        for _ in 0..10 {
            assert!(stage.anonymous("POST", "/demo/v2/accounts/login", wrong).await.starts_with("403"));
        }
        insta::assert_snapshot!(stage.anonymous("POST", "/demo/v2/accounts/login", BODY).await);
        // By Basic as well.
        let basic = [("authorization", "Basic YW5uQGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2U=")];
        assert!(stage.send("GET", "/demo/v2/exports", &basic, "").await.starts_with("429"));
    }

    #[tokio::test]
    async fn basic_is_the_same_address_and_password() {
        let stage = stage().await;
        let basic = [("authorization", "Basic YW5uQGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2U=")];
        assert!(stage.send("GET", "/demo/v2/accounts/me", &basic, "").await.starts_with("200"));
        assert!(stage.send("GET", "/acme/v2/accounts/me", &basic, "").await.starts_with("403"));
    }
}
