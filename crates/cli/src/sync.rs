//! Exchanges with the Academy now, and waits where that is wanted.

use std::time::Duration;

use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::node::v1::{SynchronizeRequest, SynchronizeResponse};
use serde_json::json;
use tokio::time::timeout;
use tonic::transport::Channel;

use crate::arguments::{Format, Sync};
use crate::connection;
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{Progress, print, print_json};

/// The node keeps the time; should it not answer either, this much later we give up ourselves.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(arguments: Sync, format: Format) -> Result<(), Failure> {
    let channel = connection::any_node(&arguments.folder.data).await?;
    let mut last = SynchronizeResponse::default();
    let work = exchange(NodeServiceClient::new(channel), &arguments, &mut last);
    let most = Duration::from_secs(arguments.timeout.into()) + GRACE;
    let Ok(done) = timeout(most, work).await else {
        return Err(Failure::TimedOut(format!(
            "the node has said nothing more for {} seconds; {} waiting when it last did",
            most.as_secs(),
            waiting(&last)
        )));
    };
    let done = done?;
    match format {
        Format::Json => print_json(&json!({
            "done": done,
            "entries_waiting": last.entries_waiting,
            "releases_waiting": last.releases_waiting,
        })),
        Format::Table if done => {
            print("In step with the Academy: all that goes to it is acknowledged, all that it offered is held.")
        }
        Format::Table => {
            print(&format!("Started, with {} waiting. `folkmoot sync --wait` waits for the end.", waiting(&last)))
        }
    }
}

/// Follows the exchange to its end, or only to its start; whether the end was reached.
async fn exchange(
    mut client: NodeServiceClient<Channel>,
    arguments: &Sync,
    last: &mut SynchronizeResponse,
) -> Result<bool, Failure> {
    let request = SynchronizeRequest { timeout_seconds: arguments.timeout };
    let mut answers = client.synchronize(request).await?.into_inner();
    let mut progress = Progress::open();
    while let Some(answer) = answers.message().await? {
        if arguments.wait {
            progress.say(&match answer.activity.as_str() {
                "" => format!("{} waiting", waiting(&answer)),
                activity => format!("{activity}; {} waiting", waiting(&answer)),
            });
        }
        let done = answer.done;
        *last = answer;
        if done || !arguments.wait {
            return Ok(done);
        }
    }
    // The node ends the stream when it is done, or stops.
    match last.done || !arguments.wait {
        true => Ok(last.done),
        false => {
            Err(Failure::Told("the node stopped before it was done: start it, and run the command again".to_owned()))
        }
    }
}

fn waiting(answer: &SynchronizeResponse) -> String {
    let plural = |number, one, many| match number {
        1 => format!("1 {one}"),
        number => format!("{} {many}", count(number)),
    };
    match (answer.entries_waiting, answer.releases_waiting) {
        (0, 0) => "nothing of ours".to_owned(),
        (entries, 0) => plural(entries, "entry", "entries"),
        (0, releases) => plural(releases, "release", "releases"),
        (entries, releases) => {
            format!("{} and {}", plural(entries, "entry", "entries"), plural(releases, "release", "releases"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_said_in_words() {
        for (entries_waiting, releases_waiting, expected) in [
            (0, 0, "nothing of ours"),
            (1, 0, "1 entry"),
            (0, 2, "2 releases"),
            (1_200, 1, "1,200 entries and 1 release"),
        ] {
            let answer = SynchronizeResponse { entries_waiting, releases_waiting, ..SynchronizeResponse::default() };
            assert_eq!(waiting(&answer), expected);
        }
    }
}
