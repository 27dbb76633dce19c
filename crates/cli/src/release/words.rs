//! Releases, as people read them.

use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::preview_release_response::Standing;
use folkmoot_proto::hub::v1::published_figure::Figure;
use folkmoot_proto::hub::v1::release::State;

use super::{hash, release_id};
use crate::breakdown::{self, Line};
use crate::figures;
use crate::output::{table, text};
use crate::times;

/// The preview; `flags` go with the commands that it names, and none are named where it is empty.
pub(super) fn preview(preview: &wire::PreviewReleaseResponse, flags: &str, all: bool) -> String {
    let mut lines = table(&["", "True figure", "What leaves", "Why"]);
    let left_out = breakdown::add(&mut lines, &preview.cells.iter().map(preview_line).collect::<Vec<_>>(), all);
    let mut out = format!(
        "{}\n\n{}{}\nWhat would leave: {}.\n{}",
        preview.period_title,
        text(lines, &[1]),
        breakdown::left_out(left_out, "breakdowns withheld whole, and hidden parts with nobody in them"),
        payload(&preview.payload),
        terms(preview)
    );
    let command = |deed: &str| match flags {
        "" => String::new(),
        flags => format!(" To {deed} it: folkmoot hub release{flags} --period {} --{deed}", preview.period),
    };
    let standing = release_id(&preview.standing_release);
    match preview.standing() {
        Standing::First | Standing::Unspecified => {
            out.push_str(&sentence("Nothing has left.", &command("approve")));
        }
        Standing::Revision => {
            out.push_str(&format!("The release {standing} of this period stands. A revision would change:\n"));
            for change in &preview.changes {
                out.push_str(&format!("  {change}\n"));
            }
            let number = format!("It would be revision {}, the only one of this financial year.", preview.revision);
            out.push_str(&sentence(&number, &command("approve")));
        }
        Standing::Stands if !preview.revisable_day.is_empty() => {
            out.push_str(&format!(
                "The release {standing} of this period stands: this financial year has had its revision. What has changed \
                 since can revise it from {} on.\n",
                preview.revisable_day
            ));
        }
        Standing::Stands => {
            out.push_str(&format!("The release {standing} of this period stands: there is nothing to revise now.\n"));
        }
    }
    match preview.late_people_waiting {
        0 => {}
        1 => out.push_str("Late records of 1 person wait: too few for a revision.\n"),
        people => {
            let people = figures::count(people);
            out.push_str(&format!("Late records of {people} people wait: too few for a revision.\n"));
        }
    }
    if preview.campaigns_awaiting_report_back > 0 {
        let campaigns = match preview.campaigns_awaiting_report_back {
            1 => "1 listening campaign heard in it has".to_owned(),
            campaigns => format!("{campaigns} listening campaigns heard in it have"),
        };
        let waits = match preview.waits_for_report_back {
            true => ", and this hub approves nothing of the period before that",
            false => "",
        };
        out.push_str(&format!("{campaigns} not been reported back{waits}.\n"));
    }
    if !preview.automatic_day.is_empty() {
        out.push_str(&format!(
            "This hub's policy approves it by itself from {} on; an import that touches it puts that off.\n",
            preview.automatic_day
        ));
    }
    if let Some(hold) = &preview.hold {
        out.push_str(&sentence(&held(hold), &command("resume")));
    }
    out
}

fn sentence(words: &str, command: &str) -> String {
    format!("{words}{command}\n")
}

fn preview_line(cell: &wire::PreviewCell) -> Line {
    let why = match cell.rule {
        0 => cell.reason.clone(),
        rule => format!("rule {rule}: {}", cell.reason),
    };
    let leaves = match cell.left_out {
        true => "not listed".to_owned(),
        false => figures::published(&cell.unit, cell.published.as_ref()),
    };
    Line {
        title: cell.title.clone(),
        dimension: cell.dimension.clone(),
        category_title: cell.category_title.clone(),
        true_figure: Some(figures::amount(&cell.unit, cell.true_value)),
        columns: vec![leaves, why],
        withheld: is_withheld(cell.published.as_ref()),
        empty: cell.true_value == 0 && is_hidden(cell.published.as_ref()),
    }
}

/// The terms in force.
fn terms(preview: &wire::PreviewReleaseResponse) -> String {
    let Some(terms) = &preview.terms else { return String::new() };
    format!(
        "Under policy {}: fewer than {} people are hidden, of ethnicity and disability fewer than {}; so are sums of which \
         one person makes up more than {} %, or two more than {} %.\n",
        preview.policy_version,
        terms.threshold,
        terms.special_threshold,
        terms.largest_percent,
        terms.two_largest_percent
    )
}

/// What an approval has done.
pub(super) fn approved(release: &wire::Release, stood: bool) -> String {
    let id = release_id(&release.name);
    let period = &release.period_title;
    let bytes = figures::count(release.payload.len() as u64);
    let whither = match release.state() {
        State::Approved | State::Unspecified => "It leaves at the next session with the Academy",
        state @ (State::Held | State::Sent | State::Acknowledged | State::SetAside) => state_title(state),
    };
    match stood {
        false => format!("Approved: {id}, {period}. Its {bytes} bytes are stored. {whither}."),
        true => format!("{id}, {period}, stands already with these very {bytes} bytes. {whither}."),
    }
}

/// A hold.
pub(super) fn held(hold: &wire::ReleaseHold) -> String {
    format!("{} is held back since {} by {}.", hold.period_title, times::words(hold.hold_time), hold.held_by)
}

/// Every release, and every period that is held.
pub(super) fn list(releases: &[wire::Release], holds: &[wire::ReleaseHold]) -> String {
    let mut out = if releases.is_empty() {
        "Nothing was ever released here.\n".to_owned()
    } else {
        let mut lines = table(&["Id", "Period", "State", "Approved", "By", "Signed for", "Bytes", "BLAKE3"]);
        for release in releases {
            lines.add_row([
                release_id(&release.name).to_owned(),
                release.period_title.clone(),
                state_title(release.state()).to_owned(),
                times::words(release.approve_time),
                release.approved_by.clone(),
                times::words(release.acknowledge_time),
                figures::count(release.payload.len() as u64),
                hash(&release.payload)[..16].to_owned(),
            ]);
        }
        text(lines, &[6])
    };
    if !holds.is_empty() {
        let mut lines = table(&["Held back", "Since", "By"]);
        for hold in holds {
            lines.add_row([hold.period_title.clone(), times::words(hold.hold_time), hold.held_by.clone()]);
        }
        out.push_str(&format!("\n{}", text(lines, &[])));
    }
    out
}

/// A release: every cell as it left.
pub(super) fn release(release: &wire::Release, all: bool) -> String {
    let mut facts = table(&["Release", release_id(&release.name)]);
    facts.add_row(["Period", &release.period_title]);
    facts.add_row(["State", state_title(release.state())]);
    facts.add_row(["Approved", &times::words(release.approve_time)]);
    if !release.approved_by.is_empty() {
        facts.add_row(["Approved by", &release.approved_by]);
    }
    if let Some(hold) = &release.hold {
        facts.add_row(["Held back", &times::words(hold.hold_time)]);
        facts.add_row(["Held back by", &hold.held_by]);
    }
    if release.acknowledge_time.is_some() {
        facts.add_row(["Signed for by the Academy", &times::words(release.acknowledge_time)]);
    }
    if !release.set_aside_reason.is_empty() {
        facts.add_row(["Set aside because", &release.set_aside_reason]);
    }
    facts.add_row(["Bytes", &payload(&release.payload)]);
    let line = |cell: &wire::ReleasedCell| Line {
        title: cell.title.clone(),
        dimension: cell.dimension.clone(),
        category_title: cell.category_title.clone(),
        true_figure: None,
        columns: vec![figures::published(&cell.unit, cell.published.as_ref())],
        withheld: is_withheld(cell.published.as_ref()),
        empty: false,
    };
    let mut lines = table(&["", "What left"]);
    let left_out = breakdown::add(&mut lines, &release.cells.iter().map(line).collect::<Vec<_>>(), all);
    format!("{}\n{}{}", text(facts, &[]), text(lines, &[]), breakdown::left_out(left_out, "breakdowns withheld whole"))
}

fn is_withheld(published: Option<&wire::PublishedFigure>) -> bool {
    matches!(published.and_then(|published| published.figure), Some(Figure::Withheld(_)))
}

fn is_hidden(published: Option<&wire::PublishedFigure>) -> bool {
    matches!(published.and_then(|published| published.figure), Some(Figure::Withheld(_) | Figure::Below(_)))
}

fn state_title(state: State) -> &'static str {
    match state {
        State::Unspecified => "",
        State::Approved => "Approved, waits for the Academy",
        State::Held => "Approved, held back",
        State::Sent => "Sent",
        State::Acknowledged => "Held by the Academy",
        State::SetAside => "Set aside by the Academy",
    }
}

fn payload(payload: &[u8]) -> String {
    format!("{} bytes, BLAKE3 {}", figures::count(payload.len() as u64), hash(payload))
}

#[cfg(test)]
mod tests;
