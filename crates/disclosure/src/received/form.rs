//! Whether the rules could have made such cells at all. Everything here follows from the rules and from what each
//! indicator is; an honest release never fails.

use folkmoot_domain::calendar::Span;
use folkmoot_domain::indicator::{CellKey, Class, Dimension, EventKind, Indicator};

use crate::audit::{self, Verdict};
use crate::{Figure, MOST, Policy, Terms};

/// Everything that the rules could not have made of the cells, which are those of a version of the catalogue, in order.
pub(super) fn faults(
    cells: &[(CellKey, Figure)],
    catalogue_version: u32,
    terms: Terms,
    span: Option<Span>,
) -> Vec<String> {
    let headline = |indicator| {
        let found = cells.iter().find(|(key, _)| *key == CellKey::headline(indicator));
        found.map_or(Figure::Withheld, |(_, figure)| *figure)
    };
    let mut faults = Vec::new();
    for indicator in Indicator::ALL.into_iter().filter(|indicator| indicator.since() <= catalogue_version) {
        let figure = headline(indicator);
        if !possible_headline(indicator, figure, headline, terms) {
            faults.push(format!("{} is not such as rule 1 of disclosure control makes it", indicator.title()));
        }
        if indicator
            .event_kind()
            .is_some_and(|kind| figure != Figure::Exact(0) && headline(open(kind)) == Figure::Exact(0))
        {
            faults.push(format!("{} has people without an event", indicator.title()));
        }
        for dimension in indicator.dimensions() {
            let parts: Vec<(CellKey, Figure)> = cells
                .iter()
                .copied()
                .filter(|(key, _)| key.indicator == indicator && key.dimension() == Some(*dimension))
                .collect();
            if !possible_breakdown(figure, *dimension, &parts, terms) {
                faults.push(format!(
                    "{} by {} is not such as rules 2 and 3 of disclosure control make it",
                    indicator.title(),
                    dimension.code()
                ));
            }
        }
    }
    if (headline(Indicator::YoungPeopleTrained) == Figure::Exact(0))
        != (headline(Indicator::PeopleTrained) == Figure::Exact(0))
    {
        faults.push(
            "people trained and young people trained are 0 where no session had people, both or neither".to_owned(),
        );
    }
    if cells.iter().any(|(_, figure)| figure.bounds().1.is_some_and(|high| high > MOST)) {
        faults.push("it has a figure that is more than any hub can count".to_owned());
    }
    if let (true, Some(span)) = (faults.is_empty(), span) {
        match audit::judge(cells, span, terms) {
            Verdict::Possible => {}
            Verdict::GivesAway => {
                faults.push("a figure of few people that it hides can be worked out from its others".to_owned());
            }
            Verdict::Contradictory => faults.push("its figures cannot all be true at once".to_owned()),
        }
    }
    faults
}

/// The open figure that counts the events of a kind. Listenings have none, and stand for themselves.
fn open(kind: EventKind) -> Indicator {
    match kind {
        EventKind::Sessions => Indicator::TrainingSessions,
        EventKind::Actions => Indicator::ActionsHeld,
        EventKind::Listenings => Indicator::Listenings,
    }
}

/// Rules 1, 4 and 5. Of people: 0 where there was no event, else exact from the threshold on, or rounded or withheld then;
/// else under it. A sum is 0 just where its people are, and hidden where they are few.
fn possible_headline(
    indicator: Indicator,
    figure: Figure,
    headline: impl Fn(Indicator) -> Figure,
    terms: Terms,
) -> bool {
    match (indicator.class(), figure) {
        (Class::Open, Figure::Exact(_)) => true,
        (Class::Open, Figure::Rounded(_) | Figure::Below(_) | Figure::Withheld) => false,
        (Class::People, Figure::Exact(value)) => value == 0 || value >= u64::from(terms.threshold),
        (Class::People, Figure::Rounded(value)) => rounded(value, terms.threshold.into()),
        (Class::People, Figure::Below(threshold)) => threshold == terms.threshold,
        (Class::People, Figure::Withheld) => true,
        (Class::PeopleSum { behind }, Figure::Exact(sum)) => match headline(behind) {
            Figure::Exact(0) => sum == 0,
            Figure::Exact(_) | Figure::Rounded(_) | Figure::Withheld => sum > 0,
            Figure::Below(_) => false,
        },
        (Class::PeopleSum { behind }, Figure::Withheld) => headline(behind) != Figure::Exact(0),
        (Class::PeopleSum { .. }, Figure::Rounded(_) | Figure::Below(_)) => false,
    }
}

fn rounded(value: u64, threshold: u64) -> bool {
    value.is_multiple_of(Policy::ROUNDING) && value >= Policy::round(threshold)
}

/// Rules 2, 3 and 5.
fn possible_breakdown(total: Figure, dimension: Dimension, parts: &[(CellKey, Figure)], terms: Terms) -> bool {
    let count = |wanted: fn(&Figure) -> bool| parts.iter().filter(|(_, part)| wanted(part)).count();
    let hidden = count(|part| part.is_hidden());
    if total.is_hidden() {
        return count(|part| *part == Figure::Withheld) == parts.len();
    }
    let well_formed = parts.iter().all(|(cell, part)| {
        let threshold = terms.threshold_of(*cell);
        match part {
            Figure::Exact(_) => false,
            Figure::Rounded(value) => rounded(*value, threshold),
            Figure::Below(below) => {
                u64::from(*below) == threshold && cell.indicator.class() == Class::People && !dimension.is_open_ended()
            }
            Figure::Withheld => !dimension.is_open_ended(),
        }
    });
    // One part is hidden as well where only one is.
    well_formed && !(dimension.is_additive() && hidden == 1)
}
