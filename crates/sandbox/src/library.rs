//! The modules that a script can import, and those that it cannot.

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Exception, Module, Object, Result};

/// The module that makes the globals; only other modules of ours import it.
pub(crate) const PRELUDE: &str = "waybill:prelude";
/// The global by which the prelude is handed the way out; it removes it before anything else runs.
pub(crate) const OUT: &str = "__waybill_out";

macro_rules! modules {
    ($($name:literal => $file:literal,)*) => {
        /// What can be imported, by name.
        const MODULES: &[(&str, &str)] = &[$(($name, include_str!(concat!("modules/", $file))),)*];
    };
}

modules! {
    "base64" => "base64.js",
    "cache" => "cache.js",
    "config" => "config.js",
    "console" => "console.js",
    "counters" => "counters.js",
    "crypto" => "crypto.js",
    "http" => "http.js",
    "logger" => "logger.js",
    "notifications" => "notifications.js",
    "request" => "request.js",
    "response" => "response.js",
    "schemas" => "schemas.js",
    "script" => "script.js",
    "util" => "util.js",
    "util.id" => "util_id.js",
}

/// Modules of the product that a script of an export does not have.
const ABSENT: [&str; 13] = [
    "api",
    "connections",
    "consts",
    "db",
    "developer",
    "ftp",
    "objects",
    "renderer",
    "saml",
    "sftp",
    "util.ip",
    "util.paths",
    "xml",
];

/// The source of a module by the name that it resolves to.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    if name == PRELUDE {
        return Some(include_str!("modules/prelude.js"));
    }
    let name = name.strip_prefix("waybill:")?;
    MODULES.iter().find(|(module, _)| *module == name).map(|(_, source)| *source)
}

/// Finds and loads modules. A lenient one takes every name and gives nothing: for a source that is only parsed.
pub(crate) struct Library {
    pub(crate) lenient: bool,
}

impl Resolver for Library {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if self.lenient || (name == PRELUDE && base.starts_with("waybill:")) {
            return Ok(name.to_owned());
        }
        let full = format!("waybill:{name}");
        if name != "prelude" && source(&full).is_some() {
            return Ok(full);
        }
        let shown: String = name.chars().take(100).collect();
        Err(refuse(
            ctx,
            &if ABSENT.contains(&name) {
                format!("the module `{shown}` is not available to the script of an export")
            } else {
                let known: Vec<&str> = MODULES.iter().map(|(module, _)| *module).collect();
                format!("there is no module `{shown}`; there are {}", known.join(", "))
            },
        ))
    }
}

fn refuse(ctx: &Ctx<'_>, message: &str) -> Error {
    let refused = Exception::from_message(ctx.clone(), message);
    match refused {
        Ok(exception) => {
            let object: &Object<'_> = &exception;
            // Without memory for the name, the message has to do.
            let _ = object.set("name", "ImportError");
            exception.throw()
        }
        Err(error) => error,
    }
}

impl Loader for Library {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let source = if self.lenient { Some("") } else { source(name) };
        let source = source.ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, source)
    }
}
