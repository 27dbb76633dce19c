//! What the lists of a campaign hold: added, changed, taken away, shown.

use folkmoot_node::generated::hub::campaign_service_client::CampaignServiceClient;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::campaign_ask::State as AskState;
use folkmoot_proto::hub::v1::campaign_task::State as TaskState;
use folkmoot_proto::hub::v1::decision_maker::{Influence, Stance};
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::arguments::{Kind, Parts};
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{table, text};

/// How many characters of an entry's id people are shown: they tell it from others but in a million.
const SHOWN: usize = 8;

/// An entry as the lists show it.
struct Listed<'a> {
    kind: Kind,
    name: &'a str,
    title: &'a str,
}

/// Adds an entry.
pub(super) async fn add(
    client: &mut CampaignServiceClient<Channel>,
    parent: String,
    kind: Kind,
    parts: &Parts,
) -> Result<wire::Campaign, Failure> {
    fits(kind, parts)?;
    let (name, request_id) = (String::new(), String::new());
    let answer = match kind {
        Kind::Issue => {
            client.add_issue(wire::AddIssueRequest { parent, issue: Some(issue(name, parts)), request_id }).await
        }
        Kind::Ask => client.add_ask(wire::AddAskRequest { parent, ask: Some(ask(name, parts)?), request_id }).await,
        Kind::DecisionMaker => {
            let decision_maker = Some(decision_maker(name, parts)?);
            client.add_decision_maker(wire::AddDecisionMakerRequest { parent, decision_maker, request_id }).await
        }
        Kind::Action => {
            client.add_action(wire::AddActionRequest { parent, action: Some(action(name, parts)), request_id }).await
        }
        Kind::Task => {
            client.add_task(wire::AddTaskRequest { parent, task: Some(task(name, parts)?), request_id }).await
        }
        Kind::Link => client.add_link(wire::AddLinkRequest { parent, link: Some(link(name, parts)), request_id }).await,
    };
    finished(kind, answer)
}

/// Changes those parts of an entry that were given.
pub(super) async fn update(
    client: &mut CampaignServiceClient<Channel>,
    campaign: &wire::Campaign,
    entry: &str,
    parts: &Parts,
    data: &str,
) -> Result<wire::Campaign, Failure> {
    let (kind, name) = find(campaign, entry, data)?;
    let kind = kind.ok_or_else(|| {
        Failure::Told("an organisation is signed up or removed; there is nothing else of it to change".to_owned())
    })?;
    fits(kind, parts)?;
    let mut update_mask = wire::UpdateTaskRequest::default().update_mask;
    update_mask.get_or_insert_default().paths = parts.given().into_iter().map(str::to_owned).collect();
    let answer = match kind {
        Kind::Issue => {
            client.update_issue(wire::UpdateIssueRequest { issue: Some(issue(name, parts)), update_mask }).await
        }
        Kind::Ask => client.update_ask(wire::UpdateAskRequest { ask: Some(ask(name, parts)?), update_mask }).await,
        Kind::DecisionMaker => {
            let decision_maker = Some(decision_maker(name, parts)?);
            client.update_decision_maker(wire::UpdateDecisionMakerRequest { decision_maker, update_mask }).await
        }
        Kind::Action => {
            client.update_action(wire::UpdateActionRequest { action: Some(action(name, parts)), update_mask }).await
        }
        Kind::Task => client.update_task(wire::UpdateTaskRequest { task: Some(task(name, parts)?), update_mask }).await,
        Kind::Link => client.update_link(wire::UpdateLinkRequest { link: Some(link(name, parts)), update_mask }).await,
    };
    finished(kind, answer)
}

/// Takes an entry away.
pub(super) async fn remove(
    client: &mut CampaignServiceClient<Channel>,
    campaign: &wire::Campaign,
    entry: &str,
    data: &str,
) -> Result<wire::Campaign, Failure> {
    let (_, name) = find(campaign, entry, data)?;
    Ok(client.remove_entry(wire::RemoveEntryRequest { name }).await?.into_inner())
}

/// The answer, or the failure that calls parts what the command line calls them.
fn finished(
    kind: Kind,
    answer: Result<tonic::Response<wire::Campaign>, tonic::Status>,
) -> Result<wire::Campaign, Failure> {
    let field = kind.field();
    let typed = kind.options().iter().map(|option| (format!("{field}.{option}"), format!("--{option}")));
    let typed: Vec<(String, String)> = typed.collect();
    let typed: Vec<(&str, &str)> = typed.iter().map(|(field, option)| (field.as_str(), option.as_str())).collect();
    Ok(answer.map_err(|status| Failure::from(status).calling(&typed))?.into_inner())
}

/// Refuses options that the kind does not have.
fn fits(kind: Kind, parts: &Parts) -> Result<(), Failure> {
    let given = parts.given();
    let list = |options: &[&str]| options.iter().map(|option| format!("--{option}")).collect::<Vec<_>>().join(", ");
    let strange: Vec<&str> = given.iter().copied().filter(|option| !kind.options().contains(option)).collect();
    if !strange.is_empty() {
        let (strange, known) = (list(&strange), list(kind.options()));
        return Err(Failure::Told(format!("{} has no {strange}: it takes {known}", kind.article())));
    }
    if given.is_empty() {
        return Err(Failure::Told(format!("say something of it: {} takes {}", kind.article(), list(kind.options()))));
    }
    Ok(())
}

fn issue(name: String, parts: &Parts) -> wire::CampaignIssue {
    wire::CampaignIssue { name, title: said(&parts.title), detail: said(&parts.detail), added_by: String::new() }
}

fn ask(name: String, parts: &Parts) -> Result<wire::CampaignAsk, Failure> {
    let state = word(&parts.state, "state", "STATE_", AskState::from_str_name, &ASK_STATES)?;
    Ok(wire::CampaignAsk {
        name,
        ask: said(&parts.ask),
        office: said(&parts.office),
        state: state.unwrap_or_default().into(),
        result: said(&parts.result),
        added_by: String::new(),
        date: said(&parts.date),
    })
}

fn decision_maker(name: String, parts: &Parts) -> Result<wire::DecisionMaker, Failure> {
    let influence =
        word(&parts.influence, "influence", "INFLUENCE_", Influence::from_str_name, &["low", "medium", "high"])?;
    let stances = ["supports", "undecided", "opposes"];
    let stance = word(&parts.stance, "stance", "STANCE_", Stance::from_str_name, &stances)?;
    Ok(wire::DecisionMaker {
        name,
        office: said(&parts.office),
        body: said(&parts.body),
        influence: influence.unwrap_or_default().into(),
        stance: stance.unwrap_or_default().into(),
        added_by: String::new(),
    })
}

fn action(name: String, parts: &Parts) -> wire::CampaignAction {
    let Parts { title, date, place, result, .. } = parts;
    wire::CampaignAction {
        name,
        title: said(title),
        date: said(date),
        place: said(place),
        result: said(result),
        added_by: String::new(),
    }
}

fn task(name: String, parts: &Parts) -> Result<wire::CampaignTask, Failure> {
    let state = word(&parts.state, "state", "STATE_", TaskState::from_str_name, &TASK_STATES)?;
    Ok(wire::CampaignTask {
        name,
        title: said(&parts.title),
        hub: said(&parts.hub),
        due: said(&parts.due),
        state: state.unwrap_or_default().into(),
        added_by: String::new(),
    })
}

fn link(name: String, parts: &Parts) -> wire::CampaignLink {
    wire::CampaignLink { name, title: said(&parts.title), address: said(&parts.address), added_by: String::new() }
}

const ASK_STATES: [&str; 5] = ["open", "won", "partly-won", "refused", "withdrawn"];
const TASK_STATES: [&str; 4] = ["open", "doing", "done", "dropped"];

fn said(part: &Option<String>) -> String {
    part.clone().unwrap_or_default()
}

/// Reads a word of an enumeration as the command line writes it.
fn word<T>(
    typed: &Option<String>,
    option: &str,
    prefix: &str,
    read: impl Fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<Option<T>, Failure> {
    let Some(typed) = typed else { return Ok(None) };
    let known = words.contains(&typed.as_str());
    match read(&format!("{prefix}{}", typed.to_uppercase().replace('-', "_"))).filter(|_| known) {
        Some(word) => Ok(Some(word)),
        None => Err(Failure::Told(format!("--{option} is one of {}, and not {typed}", words.join(", ")))),
    }
}

/// The word of an enumeration, as the command line writes it.
fn shown(name: &str, prefix: &str) -> String {
    match name.strip_prefix(prefix) {
        Some("UNSPECIFIED") | None => String::new(),
        Some(word) => word.to_lowercase().replace('_', "-"),
    }
}

/// The kind and the resource name of the one entry whose id begins so; an organisation has no kind.
fn find(campaign: &wire::Campaign, digits: &str, data: &str) -> Result<(Option<Kind>, String), Failure> {
    let all = listed(campaign);
    let names = campaign.organisations.iter().map(|it| (None, it.name.as_str(), it.organisation.as_str()));
    let names = names.chain(all.iter().map(|it| (Some(it.kind), it.name, it.title)));
    let found: Vec<_> = names.filter(|(_, name, _)| entry_id(name).starts_with(digits)).collect();
    match found.as_slice() {
        [(kind, name, _)] => Ok((*kind, (*name).to_owned())),
        [] => Err(Failure::Told(format!(
            "the campaign has no entry whose id begins with {digits}: folkmoot campaign show {} --data {data} prints the ids",
            super::shown_id(campaign)
        ))),
        several => {
            let lines: String =
                several.iter().map(|(_, name, title)| format!("\n  {}  {title}", entry_id(name))).collect();
            Err(Failure::Told(format!("{} entries have an id that begins with {digits}:{lines}", several.len())))
        }
    }
}

fn listed(campaign: &wire::Campaign) -> Vec<Listed<'_>> {
    fn of<'a>(kind: Kind, name: &'a str, title: &'a str) -> Listed<'a> {
        Listed { kind, name, title }
    }
    let mut all: Vec<Listed<'_>> = Vec::new();
    all.extend(campaign.issues.iter().map(|it| of(Kind::Issue, &it.name, &it.title)));
    all.extend(campaign.asks.iter().map(|it| of(Kind::Ask, &it.name, &it.ask)));
    all.extend(campaign.decision_makers.iter().map(|it| of(Kind::DecisionMaker, &it.name, &it.office)));
    all.extend(campaign.actions.iter().map(|it| of(Kind::Action, &it.name, &it.title)));
    all.extend(campaign.tasks.iter().map(|it| of(Kind::Task, &it.name, &it.title)));
    all.extend(campaign.links.iter().map(|it| of(Kind::Link, &it.name, &it.title)));
    all
}

/// An entry's id: the end of its resource name.
pub(super) fn entry_id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// As much of an entry's id as people are shown.
pub(super) fn short(name: &str) -> String {
    entry_id(name).chars().take(SHOWN + entry_id(name).find('-').unwrap_or(0) + 1).collect()
}

/// The lists as people read them, each under its name; nothing of one that is empty.
pub(super) fn lists(campaign: &wire::Campaign) -> String {
    let mut out = String::new();
    let mut list = |columns: &[&str], rows: Vec<Vec<String>>| {
        if rows.is_empty() {
            return;
        }
        let mut lines = table(columns);
        lines.add_rows(rows);
        out.push_str(&format!("\n{}", text(lines, &[])));
    };
    let own = String::clone;
    let issues = campaign.issues.iter().map(|it| vec![own(&it.title), own(&it.detail), short(&it.name)]);
    list(&["Issue", "", "Entry"], issues.collect());
    let asks = campaign.asks.iter().map(|it| {
        let state = shown(it.state().as_str_name(), "STATE_");
        vec![own(&it.ask), own(&it.office), state, own(&it.date), own(&it.result), short(&it.name)]
    });
    list(&["Ask", "Of", "State", "Date", "Result", "Entry"], asks.collect());
    let offices = campaign.decision_makers.iter().map(|it| {
        let influence = shown(it.influence().as_str_name(), "INFLUENCE_");
        let stance = shown(it.stance().as_str_name(), "STANCE_");
        vec![own(&it.office), own(&it.body), influence, stance, short(&it.name)]
    });
    list(&["Who decides", "Body", "Influence", "Stance", "Entry"], offices.collect());
    let actions = campaign
        .actions
        .iter()
        .map(|it| vec![own(&it.title), own(&it.date), own(&it.place), own(&it.result), short(&it.name)]);
    list(&["Action", "Date", "Place", "Result", "Entry"], actions.collect());
    let tasks = campaign.tasks.iter().map(|it| {
        let state = shown(it.state().as_str_name(), "STATE_");
        vec![own(&it.title), own(&it.hub), own(&it.due), state, short(&it.name)]
    });
    list(&["Task", "Hub", "Due", "State", "Entry"], tasks.collect());
    let links = campaign.links.iter().map(|it| vec![own(&it.title), own(&it.address), short(&it.name)]);
    list(&["Link", "Address", "Entry"], links.collect());
    let reach = campaign.reach.iter().map(|it| {
        let hubs = it.hubs.iter().map(|hub| format!("{} {}", hub.hub, count(hub.people)));
        vec![own(&it.month), count(it.people), hubs.collect::<Vec<_>>().join(", ")]
    });
    list(&["Month", "People reached", "By"], reach.collect());
    out
}

/// The lists for programs.
pub(super) fn json(campaign: &wire::Campaign) -> Vec<(&'static str, Value)> {
    let word = |name: &str, prefix: &str| match shown(name, prefix) {
        word if word.is_empty() => Value::Null,
        word => word.into(),
    };
    let issue = |it: &wire::CampaignIssue| json!({ "entry": entry_id(&it.name), "title": it.title, "detail": it.detail, "added_by": it.added_by });
    let ask = |it: &wire::CampaignAsk| {
        json!({
            "entry": entry_id(&it.name), "ask": it.ask, "office": it.office,
            "state": word(it.state().as_str_name(), "STATE_"), "date": day(&it.date), "result": it.result,
            "added_by": it.added_by,
        })
    };
    let office = |it: &wire::DecisionMaker| {
        json!({
            "entry": entry_id(&it.name), "office": it.office, "body": it.body,
            "influence": word(it.influence().as_str_name(), "INFLUENCE_"),
            "stance": word(it.stance().as_str_name(), "STANCE_"), "added_by": it.added_by,
        })
    };
    let action = |it: &wire::CampaignAction| {
        json!({
            "entry": entry_id(&it.name), "title": it.title, "date": day(&it.date), "place": it.place,
            "result": it.result, "added_by": it.added_by,
        })
    };
    let task = |it: &wire::CampaignTask| {
        json!({
            "entry": entry_id(&it.name), "title": it.title, "hub": it.hub, "due": day(&it.due),
            "state": word(it.state().as_str_name(), "STATE_"), "added_by": it.added_by,
        })
    };
    let link = |it: &wire::CampaignLink| json!({ "entry": entry_id(&it.name), "title": it.title, "address": it.address, "added_by": it.added_by });
    let hub = |it: &wire::HubReach| json!({ "hub": it.hub, "people": it.people });
    let month = |it: &wire::MonthReach| json!({ "month": it.month, "people": it.people, "hubs": it.hubs.iter().map(hub).collect::<Vec<_>>() });
    vec![
        ("issues", campaign.issues.iter().map(issue).collect()),
        ("asks", campaign.asks.iter().map(ask).collect()),
        ("decision_makers", campaign.decision_makers.iter().map(office).collect()),
        ("actions", campaign.actions.iter().map(action).collect()),
        ("tasks", campaign.tasks.iter().map(task).collect()),
        ("links", campaign.links.iter().map(link).collect()),
        ("reach", campaign.reach.iter().map(month).collect()),
    ]
}

/// A day for programs; null where nobody has said.
pub(super) fn day(day: &str) -> Value {
    if day.is_empty() { Value::Null } else { day.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u64, hub: &str) -> wire::CampaignTask {
        let name = format!("campaigns/1/tasks/{number}-{hub}");
        wire::CampaignTask { name, title: format!("Task {number}"), ..wire::CampaignTask::default() }
    }

    #[test]
    fn an_entry_is_found_by_what_its_id_begins_with() {
        let signed_up = wire::SignUp { name: "campaigns/1/organisations/3-ab".into(), ..wire::SignUp::default() };
        let campaign = wire::Campaign {
            name: "campaigns/1".into(),
            tasks: vec![task(12, "ab00"), task(12, "ab11"), task(1, "cd")],
            organisations: vec![signed_up],
            ..wire::Campaign::default()
        };
        let found = |digits| find(&campaign, digits, "H").map(|(kind, name)| (kind, entry_id(&name).to_owned()));
        assert_eq!(found("12-ab1").expect("one"), (Some(Kind::Task), "12-ab11".to_owned()));
        assert_eq!(found("3-").expect("one"), (None, "3-ab".to_owned()));
        for (digits, words) in [
            ("12-ab", "2 entries have an id that begins with 12-ab:\n  12-ab00  Task 12\n  12-ab11  Task 12"),
            ("9", "the campaign has no entry whose id begins with 9: folkmoot campaign show"),
        ] {
            let failure = found(digits).expect_err("not one");
            assert!(failure.to_string().starts_with(words), "{failure}");
        }
    }

    #[test]
    fn options_that_a_kind_does_not_have_are_refused_with_those_it_has() {
        let given = Parts { office: Some("x".into()), due: Some("y".into()), ..Parts::default() };
        for (kind, words) in [
            (Kind::Task, "a task has no --office: it takes --title, --hub, --due, --state"),
            (Kind::Ask, "an ask has no --due: it takes --ask, --office, --state, --result, --date"),
            (Kind::Link, "a link has no --office, --due: it takes --title, --address"),
        ] {
            assert_eq!(fits(kind, &given).expect_err("refused").to_string(), words);
        }
        let nothing = fits(Kind::Issue, &Parts::default()).expect_err("refused").to_string();
        assert_eq!(nothing, "say something of it: an issue takes --title, --detail");
        let state = Parts { state: Some("finished".into()), ..Parts::default() };
        let failure = task_of(&state).expect_err("refused").to_string();
        assert_eq!(failure, "--state is one of open, doing, done, dropped, and not finished");
        let won = Parts { state: Some("partly-won".into()), ..Parts::default() };
        assert_eq!(ask(String::new(), &won).map(|ask| ask.state()).ok(), Some(AskState::PartlyWon));
    }

    fn task_of(parts: &Parts) -> Result<wire::CampaignTask, Failure> {
        super::task(String::new(), parts)
    }
}
