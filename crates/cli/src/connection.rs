//! The way to a running node: its socket, after a look at whether it is the kind of node that the command is for.

use std::path::Path;
use std::time::Duration;

use folkmoot_node::settings::role_code;
use folkmoot_node::{Error, Folder, Overrides, Settings};
use tonic::transport::Channel;

use crate::failure::Failure;

/// A node that was started a moment ago is given this long to open its socket.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) const HUB: &str = "hub";
pub(crate) const ACADEMY: &str = "academy";

/// Connects to the node that serves `folder`, of whatever kind.
pub(crate) async fn any_node(folder: &Path) -> Result<Channel, Failure> {
    let mut tries = PATIENCE.as_millis() / PAUSE.as_millis();
    loop {
        match folkmoot_node::connect(folder).await {
            Ok(channel) => return Ok(channel),
            Err(Error::NotServed { .. }) if tries > 0 => tries -= 1,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Connects to the hub that serves `folder`.
pub(crate) async fn hub(folder: &Path) -> Result<Channel, Failure> {
    check_role(folder, HUB)?;
    any_node(folder).await
}

/// Connects to the Academy that serves `folder`.
pub(crate) async fn academy(folder: &Path) -> Result<Channel, Failure> {
    check_role(folder, ACADEMY)?;
    any_node(folder).await
}

/// Refuses a folder of the other kind of node.
pub(crate) fn check_role(folder: &Path, wanted: &'static str) -> Result<(), Failure> {
    let opened = Folder::open(folder)?;
    let settings = Settings::read(&opened.settings(), &Overrides::default())?;
    let found = role_code(settings.role);
    if found == wanted {
        return Ok(());
    }
    let words = |role| if role == HUB { "a hub" } else { "an Academy" };
    Err(Error::OtherRole { path: folder.to_owned(), found: words(found), wanted: words(wanted) }.into())
}
