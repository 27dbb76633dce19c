//! What works on a node's folder itself: making it, joining a federation, serving it.

use folkmoot_node::settings::role_code;
use folkmoot_node::{InitAcademy, InitHub, Initialised, Overrides};
use serde_json::json;

use crate::arguments::{Format, Init, Join, Serve};
use crate::connection::{ACADEMY, HUB, check_role};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::shell;

pub(crate) fn init_academy(arguments: Init, format: Format) -> Result<(), Failure> {
    let Init { folder, name, listen, address } = arguments;
    let made = folkmoot_node::init_academy(&InitAcademy { data: folder.data.clone(), name, listen, address })?;
    let data = shell::path(&folder.data);
    let next =
        format!("Guard this folder: it holds the keys of the federation. Next: folkmoot academy serve --data {data}");
    told(&made, &next, format)
}

pub(crate) fn init_hub(arguments: Init, format: Format) -> Result<(), Failure> {
    let Init { folder, name, listen, address } = arguments;
    let made = folkmoot_node::init_hub(&InitHub { data: folder.data.clone(), name, listen, address })?;
    let data = shell::path(&folder.data);
    let next = format!("Next, with an invite code from the Academy: folkmoot hub join --data {data} CODE");
    told(&made, &next, format)
}

fn told(made: &Initialised, next: &str, format: Format) -> Result<(), Failure> {
    let settings = &made.settings;
    let address = settings.address.as_ref().map(ToString::to_string);
    match format {
        Format::Json => print_json(&json!({
            "role": role_code(settings.role),
            "name": settings.name.as_str(),
            "id": made.id.to_string(),
            "federation": made.federation.map(|federation| federation.to_string()),
            "listen": settings.listen.to_string(),
            "address": address,
            "folder": made.folder.to_string_lossy(),
        })),
        Format::Table => print(&format!(
            "Made {} {} in {}. It listens on {}{}.\n{next}",
            role_code(settings.role),
            settings.name,
            made.folder.display(),
            settings.listen,
            match address {
                Some(address) if address != settings.listen.to_string() => format!(", and others dial {address}"),
                Some(_) => String::new(),
                None => ", and others cannot dial it".to_owned(),
            }
        )),
    }
}

pub(crate) async fn join(arguments: Join, format: Format) -> Result<(), Failure> {
    let Join { folder, code } = arguments;
    let joined = folkmoot_node::join(&folder.data, &code).await?;
    match format {
        Format::Json => print_json(&json!({
            "name": joined.name,
            "academy": joined.academy,
            "federation": joined.federation.to_string(),
            "again": joined.again,
        })),
        Format::Table => print(&format!(
            "{} has joined the federation of {}{}. Next: folkmoot hub serve --data {}",
            joined.name,
            joined.academy,
            if joined.again { " (again; nothing is lost)" } else { "" },
            shell::path(&folder.data)
        )),
    }
}

pub(crate) fn serve_academy(arguments: Serve) -> Result<(), Failure> {
    serve(arguments, ACADEMY)
}

pub(crate) fn serve_hub(arguments: Serve) -> Result<(), Failure> {
    serve(arguments, HUB)
}

fn serve(arguments: Serve, role: &'static str) -> Result<(), Failure> {
    let Serve { folder, listen, address, log, log_format } = arguments;
    check_role(&folder.data, role)?;
    let mut said = Ok(());
    folkmoot_node::run(&folder.data, &Overrides { listen, address, log, log_format }, |ready| said = print(ready))?;
    said
}
