//! Campaigns as messages say them: what a campaign says, and what it is asked to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use folkmoot_campaign::{
    AskState, Difference, Entry, EntryId, Field, Influence, Item, List, Mark, Month, Prose, Stance, Style, TaskState,
    View,
};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{iso, parse_date};
use folkmoot_journal::{CampaignId, Directory};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_store::campaign::CampaignState;

use super::membership;
use crate::node::Node;
use crate::status::Violations;

/// The lists as resource names call them.
const COLLECTIONS: [(List, &str); 7] = [
    (List::Organisations, "organisations"),
    (List::Issues, "issues"),
    (List::Asks, "asks"),
    (List::DecisionMakers, "decisionMakers"),
    (List::Actions, "actions"),
    (List::Tasks, "tasks"),
    (List::Links, "links"),
];

/// A campaign as this hub sees it.
pub(super) fn campaign(node: &Node, state: CampaignState) -> proto::Campaign {
    let CampaignState { id, membership, view, waiting, may_take_lead, left_out_by, set_aside, generation: _ } = state;
    let View { title, aim, story, notes, organisations, entries, reach, repeated: _ } = Arc::unwrap_or_clone(view);
    let hub = |hub: &str| hub.parse().map(|id| node.name_of(id)).unwrap_or_else(|_| hub.to_owned());
    let campaign = format!("campaigns/{id}");
    let mut said = proto::Campaign {
        title,
        aim,
        organisations: organisations
            .into_iter()
            .map(|signed_up| proto::SignUp {
                name: name(&campaign, List::Organisations, signed_up.id),
                organisation: signed_up.organisation,
                hub: hub(&signed_up.hub),
                date: signed_up.date.map(iso).unwrap_or_default(),
            })
            .collect(),
        notes: notes.text,
        notes_marks: notes.marks.iter().map(mark).collect(),
        story: story.text,
        story_marks: story.marks.iter().map(mark).collect(),
        members: membership::members(node, &membership.roster),
        academy_relays: membership.roster.academy_relays(),
        role: membership.roster.role(node.id()).map_or(proto::CampaignRole::Unspecified, membership::wire_role).into(),
        successor: membership::successor(node, &membership.roster),
        may_take_lead,
        membership_contested: membership.contested,
        present: node
            .presence()
            .at(id, std::time::Instant::now())
            .into_iter()
            .map(|(hub, people)| proto::HubPresence {
                hub: node.name_of(hub),
                people: i32::try_from(people).unwrap_or(i32::MAX),
            })
            .collect(),
        left_out_by: left_out_by.iter().map(|hub| node.name_of(*hub)).collect(),
        waiting_entries: i32::try_from(waiting).unwrap_or(i32::MAX),
        set_aside_entries: i32::try_from(set_aside).unwrap_or(i32::MAX),
        reach: reach.iter().map(|(month, hubs)| month_reach(*month, hubs, hub)).collect(),
        ..proto::Campaign::default()
    };
    for entry in entries {
        let (name, added_by) = (name(&campaign, entry.item.list(), entry.id), hub(&entry.added_by));
        add(&mut said, name, added_by, entry.item, hub);
    }
    said.name = campaign;
    said
}

/// The name of an entry of the campaign with this name.
fn name(campaign: &str, list: List, entry: EntryId) -> String {
    let collection = COLLECTIONS.iter().find(|(of, _)| *of == list).map_or("", |(_, collection)| collection);
    format!("{campaign}/{collection}/{entry}")
}

fn add(said: &mut proto::Campaign, name: String, added_by: String, item: Item, hub_name: impl Fn(&str) -> String) {
    let day = |day: Option<Date>| day.map(iso).unwrap_or_default();
    match item {
        Item::Issue { title, detail } => said.issues.push(proto::CampaignIssue { name, title, detail, added_by }),
        Item::Ask { ask, of, state, result, date } => said.asks.push(proto::CampaignAsk {
            name,
            ask,
            office: of,
            state: match state {
                AskState::Open => proto::campaign_ask::State::Open,
                AskState::Won => proto::campaign_ask::State::Won,
                AskState::PartlyWon => proto::campaign_ask::State::PartlyWon,
                AskState::Refused => proto::campaign_ask::State::Refused,
                AskState::Withdrawn => proto::campaign_ask::State::Withdrawn,
            }
            .into(),
            result,
            added_by,
            date: day(date),
        }),
        Item::DecisionMaker { office, body, influence, stance } => said.decision_makers.push(proto::DecisionMaker {
            name,
            office,
            body,
            influence: match influence {
                Influence::Unknown => proto::decision_maker::Influence::Unspecified,
                Influence::Low => proto::decision_maker::Influence::Low,
                Influence::Medium => proto::decision_maker::Influence::Medium,
                Influence::High => proto::decision_maker::Influence::High,
            }
            .into(),
            stance: match stance {
                Stance::Unknown => proto::decision_maker::Stance::Unspecified,
                Stance::Supports => proto::decision_maker::Stance::Supports,
                Stance::Undecided => proto::decision_maker::Stance::Undecided,
                Stance::Opposes => proto::decision_maker::Stance::Opposes,
            }
            .into(),
            added_by,
        }),
        Item::Action { title, date, place, result } => {
            said.actions.push(proto::CampaignAction { name, title, date: day(date), place, result, added_by });
        }
        Item::Task { title, hub, due, state } => said.tasks.push(proto::CampaignTask {
            name,
            title,
            hub: if hub.is_empty() { hub } else { hub_name(&hub) },
            due: day(due),
            state: match state {
                TaskState::Open => proto::campaign_task::State::Open,
                TaskState::Doing => proto::campaign_task::State::Doing,
                TaskState::Done => proto::campaign_task::State::Done,
                TaskState::Dropped => proto::campaign_task::State::Dropped,
            }
            .into(),
            added_by,
        }),
        Item::Link { title, address } => said.links.push(proto::CampaignLink { name, title, address, added_by }),
    }
}

fn mark(mark: &Mark) -> proto::TextMark {
    use proto::text_mark::Style as Wire;
    let unit = |at: usize| i32::try_from(at).unwrap_or(i32::MAX);
    let (style, link) = match &mark.style {
        Style::Strong => (Wire::Strong, String::new()),
        Style::Emphasis => (Wire::Emphasis, String::new()),
        Style::Link(address) => (Wire::Link, address.clone()),
    };
    proto::TextMark { start: unit(mark.start), end: unit(mark.end), style: style.into(), link }
}

fn month_reach(month: Month, hubs: &BTreeMap<String, u64>, hub: impl Fn(&str) -> String) -> proto::MonthReach {
    proto::MonthReach {
        month: month.to_string(),
        people: hubs.values().copied().fold(0, u64::saturating_add),
        hubs: hubs.iter().map(|(id, people)| proto::HubReach { hub: hub(id), people: *people }).collect(),
    }
}

/// What an item is called in its request, with what its fields are called there.
pub(super) trait Asked {
    /// The request's field.
    const FIELD: &'static str;
    /// The fields, as an update mask names them.
    const PARTS: &'static [(&'static str, Field)];

    /// The resource name.
    fn name(&self) -> &str;
    /// What it is to say.
    fn item(self, directory: &Directory, violations: &mut Violations) -> Item;
}

/// What an update mask asks for.
pub(super) fn parts<T: Asked>(paths: &[String], violations: &mut Violations) -> Vec<Field> {
    let known = || T::PARTS.iter().map(|(part, _)| *part).collect::<Vec<_>>().join(", ");
    if paths.is_empty() {
        violations.add("update_mask", format!("say which parts to change: {}", known()));
    }
    let mut fields = Vec::new();
    for path in paths {
        match T::PARTS.iter().find(|(part, _)| part == path) {
            Some((_, field)) => fields.push(*field),
            None => violations.add("update_mask", format!("{} can be changed, and nothing else", known())),
        }
    }
    fields
}

fn day<T: Asked>(part: &str, text: &str, violations: &mut Violations) -> Option<Date> {
    let day = parse_date(text.trim());
    if day.is_none() && !text.trim().is_empty() {
        violations.add(format!("{}.{part}", T::FIELD), "write a day as 2018-10-03");
    }
    day
}

/// Reads a word of an enumeration.
fn word<T: Asked, Word: TryFrom<i32>>(part: &str, number: i32, violations: &mut Violations) -> Option<Word> {
    let word = Word::try_from(number).ok();
    if word.is_none() {
        violations.add(format!("{}.{part}", T::FIELD), "this version knows no such value");
    }
    word
}

impl Asked for proto::CampaignIssue {
    const FIELD: &'static str = "issue";
    const PARTS: &'static [(&'static str, Field)] = &[("title", Field::Title), ("detail", Field::Detail)];

    fn name(&self) -> &str {
        &self.name
    }

    fn item(self, _: &Directory, _: &mut Violations) -> Item {
        Item::Issue { title: self.title, detail: self.detail }
    }
}

impl Asked for proto::CampaignAsk {
    const FIELD: &'static str = "ask";
    const PARTS: &'static [(&'static str, Field)] = &[
        ("ask", Field::Ask),
        ("office", Field::Of),
        ("state", Field::State),
        ("result", Field::Result),
        ("date", Field::Date),
    ];

    fn name(&self) -> &str {
        &self.name
    }

    fn item(self, _: &Directory, violations: &mut Violations) -> Item {
        use proto::campaign_ask::State;
        let state = match word::<Self, State>("state", self.state, violations) {
            Some(State::Won) => AskState::Won,
            Some(State::PartlyWon) => AskState::PartlyWon,
            Some(State::Refused) => AskState::Refused,
            Some(State::Withdrawn) => AskState::Withdrawn,
            Some(State::Open | State::Unspecified) | None => AskState::Open,
        };
        let date = day::<Self>("date", &self.date, violations);
        Item::Ask { ask: self.ask, of: self.office, state, result: self.result, date }
    }
}

impl Asked for proto::DecisionMaker {
    const FIELD: &'static str = "decision_maker";
    const PARTS: &'static [(&'static str, Field)] =
        &[("office", Field::Office), ("body", Field::Body), ("influence", Field::Influence), ("stance", Field::Stance)];

    fn name(&self) -> &str {
        &self.name
    }

    fn item(self, _: &Directory, violations: &mut Violations) -> Item {
        use proto::decision_maker as wire;
        let influence = match word::<Self, wire::Influence>("influence", self.influence, violations) {
            Some(wire::Influence::Low) => Influence::Low,
            Some(wire::Influence::Medium) => Influence::Medium,
            Some(wire::Influence::High) => Influence::High,
            Some(wire::Influence::Unspecified) | None => Influence::Unknown,
        };
        let stance = match word::<Self, wire::Stance>("stance", self.stance, violations) {
            Some(wire::Stance::Supports) => Stance::Supports,
            Some(wire::Stance::Undecided) => Stance::Undecided,
            Some(wire::Stance::Opposes) => Stance::Opposes,
            Some(wire::Stance::Unspecified) | None => Stance::Unknown,
        };
        Item::DecisionMaker { office: self.office, body: self.body, influence, stance }
    }
}

impl Asked for proto::CampaignAction {
    const FIELD: &'static str = "action";
    const PARTS: &'static [(&'static str, Field)] =
        &[("title", Field::Title), ("date", Field::Date), ("place", Field::Place), ("result", Field::Result)];

    fn name(&self) -> &str {
        &self.name
    }

    fn item(self, _: &Directory, violations: &mut Violations) -> Item {
        let date = day::<Self>("date", &self.date, violations);
        Item::Action { title: self.title, date, place: self.place, result: self.result }
    }
}

impl Asked for proto::CampaignTask {
    const FIELD: &'static str = "task";
    const PARTS: &'static [(&'static str, Field)] =
        &[("title", Field::Title), ("hub", Field::Hub), ("due", Field::Due), ("state", Field::State)];

    fn name(&self) -> &str {
        &self.name
    }

    fn item(self, directory: &Directory, violations: &mut Violations) -> Item {
        use proto::campaign_task::State;
        let state = match word::<Self, State>("state", self.state, violations) {
            Some(State::Doing) => TaskState::Doing,
            Some(State::Done) => TaskState::Done,
            Some(State::Dropped) => TaskState::Dropped,
            Some(State::Open | State::Unspecified) | None => TaskState::Open,
        };
        let due = day::<Self>("due", &self.due, violations);
        let hub = match (self.hub.trim(), super::enrolled(directory, &self.hub)) {
            ("", _) => String::new(),
            (_, Some(hub)) => hub.to_string(),
            (_, None) => {
                violations.add("task.hub", super::unknown_among(directory));
                String::new()
            }
        };
        Item::Task { title: self.title, hub, due, state }
    }
}

impl Asked for proto::CampaignLink {
    const FIELD: &'static str = "link";
    const PARTS: &'static [(&'static str, Field)] = &[("title", Field::Title), ("address", Field::Address)];

    fn name(&self) -> &str {
        &self.name
    }

    fn item(self, _: &Directory, _: &mut Violations) -> Item {
        Item::Link { title: self.title, address: self.address }
    }
}

/// The mark that a request asks for, and the part of a text.
pub(super) fn asked_mark(mark: Option<proto::TextMark>, violations: &mut Violations) -> Option<Mark> {
    use proto::text_mark::Style as Wire;
    let Some(mark) = mark else {
        violations.add("mark", "is missing");
        return None;
    };
    let style = match Wire::try_from(mark.style) {
        Ok(Wire::Strong) => Style::Strong,
        Ok(Wire::Emphasis) => Style::Emphasis,
        Ok(Wire::Link) => Style::Link(mark.link.trim().to_owned()),
        Ok(Wire::Unspecified) | Err(_) => {
            violations.add("mark.style", "say what to mark the part as");
            return None;
        }
    };
    let (start, end) = (unit("mark.start", mark.start, violations)?, unit("mark.end", mark.end, violations)?);
    if start >= end {
        violations.add("mark.end", "it lies behind the start");
        return None;
    }
    Some(Mark { start, end, style })
}

/// A place in a text, or a length.
pub(super) fn unit(field: &str, number: i32, violations: &mut Violations) -> Option<usize> {
    usize::try_from(number).map_err(|_| violations.add(field, "is below zero")).ok()
}

/// The text that a request asks for.
pub(super) fn asked_prose(text: i32, violations: &mut Violations) -> Option<Prose> {
    use proto::mark_text_request::Text;
    match Text::try_from(text) {
        Ok(Text::Notes) => Some(Prose::Notes),
        Ok(Text::Story) => Some(Prose::Story),
        Ok(Text::Unspecified) | Err(_) => {
            violations.add("text", "say which text: the notes or the story");
            None
        }
    }
}

/// The entry of a resource name, in one list where `list` says which.
pub(super) fn entry(
    field: &str,
    name: &str,
    list: Option<List>,
    violations: &mut Violations,
) -> Option<(CampaignId, List, EntryId)> {
    let parts: Vec<&str> = name.split('/').collect();
    let read = || {
        let ["campaigns", campaign, collection, entry] = parts.as_slice() else { return None };
        let (of, _) = COLLECTIONS.iter().find(|(_, known)| known == collection)?;
        let fits = list.is_none_or(|list| list == *of);
        fits.then_some((campaign.parse().ok()?, *of, entry.parse().ok()?))
    };
    let read = read();
    if read.is_none() {
        let wanted = COLLECTIONS.iter().filter(|(of, _)| list.is_none_or(|list| list == *of)).map(|(_, known)| *known);
        let wanted = wanted.collect::<Vec<_>>().join(" or ");
        violations.add(field, format!("write it as campaigns/ID/{wanted}/ENTRY, as the campaign gives it"));
    }
    read
}

/// A change, as a resource name names it.
pub(super) fn change(field: &str, name: &str, violations: &mut Violations) -> Option<(CampaignId, [u8; 32])> {
    let parts: Vec<&str> = name.split('/').collect();
    let read = || {
        let ["campaigns", campaign, "changes", hash] = parts.as_slice() else { return None };
        // A change's hash is written as a campaign's id is.
        Some((campaign.parse().ok()?, hash.parse::<CampaignId>().ok()?.0))
    };
    let read = read();
    if read.is_none() {
        violations.add(field, "write it as campaigns/ID/changes/HASH, as the history gives it");
    }
    read
}

/// The resource name of a change.
pub(super) fn change_name(campaign: CampaignId, hash: [u8; 32]) -> String {
    format!("campaigns/{campaign}/changes/{}", CampaignId(hash))
}

/// What differs, with hubs by their names.
pub(super) fn difference(node: &Node, campaign: CampaignId, difference: &Difference) -> proto::CampaignDifference {
    use proto::campaign_difference::Kind;
    let hub = |hub: &str| hub.parse().map(|id| node.name_of(id)).unwrap_or_else(|_| hub.to_owned());
    let changed = |field: &str, before: &str, after: &str| proto::CampaignDifference {
        kind: Kind::Changed.into(),
        field: field.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
        ..proto::CampaignDifference::default()
    };
    let listed = |kind: Kind, list: List, entry: EntryId, title: &str| proto::CampaignDifference {
        kind: kind.into(),
        entry: name(&format!("campaigns/{campaign}"), list, entry),
        title: title.to_owned(),
        ..proto::CampaignDifference::default()
    };
    let of = |kind: Kind, entry: &Entry| {
        let known_by = entry.item.fields().into_iter().next().map(|(_, text)| text).unwrap_or_default();
        listed(kind, entry.item.list(), entry.id, &known_by)
    };
    let text = |prose: &Prose| match prose {
        Prose::Notes => "notes",
        Prose::Story => "story",
    };
    match difference {
        Difference::Own { field, before, after } => changed(field.key(), before, after),
        Difference::Prose { prose, at, removed, inserted } => proto::CampaignDifference {
            at: i32::try_from(*at).unwrap_or(i32::MAX),
            ..changed(text(prose), removed, inserted)
        },
        Difference::Marks { prose } => changed(&format!("{}_marks", text(prose)), "", ""),
        Difference::SignedUp(signed_up) => {
            listed(Kind::Added, List::Organisations, signed_up.id, &signed_up.organisation)
        }
        Difference::SignedOff(signed_up) => {
            listed(Kind::Removed, List::Organisations, signed_up.id, &signed_up.organisation)
        }
        Difference::Added(entry) => of(Kind::Added, entry),
        Difference::Removed(entry) => of(Kind::Removed, entry),
        Difference::Changed { entry, field, before, after } => {
            // As the messages of entries name it and say it.
            let wire = if *field == Field::Of { "office" } else { field.key() };
            let said = |text: &String| if *field == Field::Hub { hub(text) } else { text.clone() };
            let (before, after) = (said(before), said(after));
            proto::CampaignDifference { field: wire.to_owned(), before, after, ..of(Kind::Changed, entry) }
        }
        Difference::Reach { month, hub: of, before, after } => proto::CampaignDifference {
            month: month.to_string(),
            hub: hub(of),
            ..changed("reach", &before.to_string(), &after.to_string())
        },
    }
}
