//! How a node is: who, what it last exchanged with whom, what waits, what was set aside.

use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::node::v1::status::Role;
use folkmoot_proto::node::v1::{GetStatusRequest, Peer, SetAside, Status};
use serde_json::{Value, json};

use crate::arguments::{Data, Format};
use crate::campaign::SHOWN_DIGITS;
use crate::connection;
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{print, print_json, table, text};
use crate::times;

pub(crate) async fn run(Data { data }: Data, format: Format) -> Result<(), Failure> {
    let channel = connection::any_node(&data).await?;
    let status = NodeServiceClient::new(channel).get_status(GetStatusRequest {}).await?.into_inner();
    match format {
        Format::Json => print_json(&status_json(&status)),
        Format::Table => print(&status_text(&status)),
    }
}

fn role_title(role: Role) -> &'static str {
    match role {
        Role::Hub => "Hub",
        Role::Academy => "Academy",
        Role::Unspecified => "Node",
    }
}

/// A topic, a campaign by as much of its id as `campaign list` shows.
fn shown_topic(topic: &str) -> &str {
    let short =
        topic.len() - topic.strip_prefix("campaign ").unwrap_or_default().get(SHOWN_DIGITS..).map_or(0, str::len);
    &topic[..short]
}

/// How many entries wait, and for whom.
fn entries_waiting(status: &Status) -> String {
    let entries = count(status.entries_waiting);
    match (status.entries_waiting, status.role()) {
        (0, _) | (_, Role::Unspecified) => entries,
        (_, Role::Hub) => format!("{entries}, which the Academy has not acknowledged yet"),
        (_, Role::Academy) => format!("{entries}, which not every hub has acknowledged yet"),
    }
}

fn status_text(status: &Status) -> String {
    let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
    let mut facts = table(&[role_title(status.role()), &status.display_name]);
    facts.add_row(["Node", &status.node_id]);
    facts.add_row(["Federation", &or(&status.federation_id, "none yet: folkmoot hub join --data FOLDER CODE")]);
    facts.add_row(["Listens on", &status.listen]);
    facts.add_row(["Address for others", &or(&status.address, "none: it dials, others cannot dial it")]);
    facts.add_row(["Entries waiting", &entries_waiting(status)]);
    if status.role() != Role::Academy {
        facts.add_row(["Releases waiting", &count(status.releases_waiting)]);
    }
    facts.add_row(["Set aside", &count(status.set_aside.len() as u64)]);
    facts.add_row(["Certificate good until", &or(&times::words(status.certificate_expire_time), "no certificate yet")]);
    if status.entries_recovered > 0 {
        let recovered = count(status.entries_recovered);
        facts.add_row(["Entries recovered", &format!("{recovered}: this folder was restored from an older copy")]);
    }
    if status.frozen {
        facts.add_row([
            "Frozen",
            "a later copy of this folder runs elsewhere; this one only reads. Stop one of the two",
        ]);
    }
    facts.add_row(["Version", &status.version]);
    let mut out = text(facts, &[]);
    if !status.peers.is_empty() {
        let mut peers = table(&["Peer", "Connected", "Last in step", "Address", "Last error"]);
        for peer in &status.peers {
            let name = or(&peer.display_name, &peer.node_id);
            let connected = if peer.connected { "yes" } else { "no" };
            let success = or(&times::words(peer.last_success_time), "never");
            peers.add_row([name.as_str(), connected, &success, &peer.address, &peer.last_error]);
        }
        out.push_str(&format!("\n{}", text(peers, &[])));
    }
    if !status.set_aside.is_empty() {
        let mut aside = table(&["Set aside", "Author", "Entry", "By", "Why"]);
        for entry in &status.set_aside {
            let by = if entry.here { "this node" } else { "the other side" };
            aside.add_row([shown_topic(&entry.topic), &entry.author, &count(entry.seq), by, &entry.reason]);
        }
        out.push_str(&format!("\n{}", text(aside, &[2])));
    }
    for notice in status.notices.iter().chain([&status.trial_notice]).filter(|notice| !notice.is_empty()) {
        out.push_str(&format!("\n{notice}\n"));
    }
    out
}

fn status_json(status: &Status) -> Value {
    let peer = |peer: &Peer| {
        json!({
            "name": peer.display_name,
            "id": peer.node_id,
            "connected": peer.connected,
            "last_success": times::json(peer.last_success_time),
            "last_error": peer.last_error,
            "address": peer.address,
        })
    };
    let aside = |entry: &SetAside| {
        json!({
            "topic": entry.topic,
            "author": entry.author,
            "seq": entry.seq,
            "reason": entry.reason,
            "here": entry.here,
        })
    };
    json!({
        "role": match status.role() {
            Role::Hub => Value::from("hub"),
            Role::Academy => Value::from("academy"),
            Role::Unspecified => Value::Null,
        },
        "name": status.display_name,
        "id": status.node_id,
        "federation": status.federation_id,
        "listen": status.listen,
        "address": status.address,
        "peers": status.peers.iter().map(peer).collect::<Vec<_>>(),
        "entries_waiting": status.entries_waiting,
        "releases_waiting": status.releases_waiting,
        "set_aside": status.set_aside.iter().map(aside).collect::<Vec<_>>(),
        "certificate_expires": times::json(status.certificate_expire_time),
        "entries_recovered": status.entries_recovered,
        "frozen": status.frozen,
        "version": status.version,
        "trial_notice": status.trial_notice,
        "notices": status.notices,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_named_as_its_list_names_it() {
        for (topic, expected) in [
            ("campaign 3f2a9c00000000000000", "campaign 3f2a9c000000"),
            ("campaign 3f2a", "campaign 3f2a"),
            ("releases/Warminster", "releases/Warminster"),
            ("", ""),
        ] {
            assert_eq!(shown_topic(topic), expected);
        }
    }

    #[test]
    fn a_status_names_what_needs_the_operator() {
        let mut status = Status {
            display_name: "Warminster".into(),
            entries_waiting: 1_200,
            entries_recovered: 12,
            frozen: true,
            trial_notice: "trial only: no real figures".into(),
            peers: vec![Peer {
                display_name: "National Academy".into(),
                last_error: "cannot be reached".into(),
                ..Peer::default()
            }],
            set_aside: vec![SetAside {
                topic: "releases/Warminster".into(),
                seq: 7,
                reason: "not ended".into(),
                ..SetAside::default()
            }],
            ..Status::default()
        };
        status.set_role(Role::Hub);
        let text = status_text(&status);
        for expected in [
            "Hub",
            "Warminster",
            "1,200, which the Academy has not",
            "12: this folder",
            "later copy",
            "National Academy",
            "never",
            "cannot be reached",
            "releases/Warminster",
            "not ended",
            "the other side",
            "trial only",
            "none yet",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        let value = status_json(&status);
        assert_eq!((&value["role"], &value["peers"][0]["last_success"]), (&json!("hub"), &Value::Null));
    }
}
