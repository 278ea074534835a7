//! Which function answers which path: the routes of the template.

use std::collections::BTreeMap;

/// A function that answers HTTP requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Admin,
    Cortex,
    Sigma,
    Rebilly,
}

/// The route that a request takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The key as the template writes it (`ANY /v1/{proxy+}`, `$default`).
    pub(super) key: &'static str,
    /// What the placeholders of the key stand for, still encoded.
    pub(super) parameters: BTreeMap<&'static str, String>,
    pub(super) surface: Surface,
}

/// The route of `path`, whatever the method. Static segments win over placeholders; what nothing matches takes `$default`.
pub(super) fn find(path: &str) -> Route {
    let fixed = match path {
        "/healthz" => Some("ANY /healthz"),
        "/openapi.json" => Some("ANY /openapi.json"),
        "/docs" => Some("ANY /docs"),
        _ => None,
    };
    if let Some(key) = fixed {
        return Route { key, parameters: BTreeMap::new(), surface: Surface::Admin };
    }
    if let Some(route) = rebilly(path) {
        return route;
    }
    let mut segments = path.trim_start_matches('/').splitn(3, '/');
    let (first, second, rest) = (segments.next().unwrap_or(""), segments.next(), segments.next());
    match (first, second, rest) {
        ("v1", Some(rest), deeper) if !rest.is_empty() => {
            let proxy = deeper.map_or_else(|| rest.to_owned(), |deeper| format!("{rest}/{deeper}"));
            Route { key: "ANY /v1/{proxy+}", parameters: [("proxy", proxy)].into(), surface: Surface::Admin }
        }
        ("api", Some("v1"), Some(proxy)) if !proxy.is_empty() => Route {
            key: "ANY /api/v1/{proxy+}",
            parameters: [("proxy", proxy.to_owned())].into(),
            surface: Surface::Sigma,
        },
        ("export-jobs", None, _) => {
            Route { key: "ANY /export-jobs", parameters: BTreeMap::new(), surface: Surface::Sigma }
        }
        ("export-jobs", Some(""), None) => {
            Route { key: "ANY /export-jobs/", parameters: BTreeMap::new(), surface: Surface::Sigma }
        }
        ("export-jobs", Some(rest), deeper) if !rest.is_empty() => {
            let proxy = deeper.map_or_else(|| rest.to_owned(), |deeper| format!("{rest}/{deeper}"));
            Route { key: "ANY /export-jobs/{proxy+}", parameters: [("proxy", proxy)].into(), surface: Surface::Sigma }
        }
        (org, Some("v2"), Some(proxy)) if !org.is_empty() && !proxy.is_empty() => Route {
            key: "ANY /{org}/v2/{proxy+}",
            parameters: [("org", org.to_owned()), ("proxy", proxy.to_owned())].into(),
            surface: Surface::Cortex,
        },
        _ => Route { key: "$default", parameters: BTreeMap::new(), surface: Surface::Admin },
    }
}

/// The route of the Rebilly surface that `path` takes.
fn rebilly(path: &str) -> Option<Route> {
    let fixed = match path {
        "/data-exports" => Some("ANY /data-exports"),
        "/data-exports/" => Some("ANY /data-exports/"),
        "/organization-exports" => Some("ANY /organization-exports"),
        "/organization-exports/" => Some("ANY /organization-exports/"),
        _ => None,
    };
    if let Some(key) = fixed {
        return Some(Route { key, parameters: BTreeMap::new(), surface: Surface::Rebilly });
    }
    let (first, proxy) = path.strip_prefix('/')?.split_once('/')?;
    let key = match first {
        "experimental" => "ANY /experimental/{proxy+}",
        "organizations" => "ANY /organizations/{proxy+}",
        "data-exports" => "ANY /data-exports/{proxy+}",
        "organization-exports" => "ANY /organization-exports/{proxy+}",
        "files" => "ANY /files/{proxy+}",
        "users" => "ANY /users/{proxy+}",
        _ => return None,
    };
    let parameters = [("proxy", proxy.to_owned())].into();
    (!proxy.is_empty()).then_some(Route { key, parameters, surface: Surface::Rebilly })
}
