//! What others do where figures are of few people, to compare with: each publishes the same cells of the same hub.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_disclosure::{Figure, Observation, Terms};
use folkmoot_domain::indicator::{CellKey, Class, Dimension, Indicator};

use super::attacker::{Breach, Findings, attack_published};
use super::history::{Hub, Made};
use super::knowledge::{Published, Stretch};
use super::search::FAR;

/// What is said of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The figure.
    Exact,
    /// The figure, rounded to 5.
    Rounded,
    /// That it is of few people: between the two.
    Few(i64, i64),
    /// Nothing.
    Nothing,
}

/// A way to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Figures of 1 to 7 people are hidden, and sums behind which they stand.
    Plain,
    /// The same, and where one cell of a line is hidden, the next smallest too.
    Complement,
    /// Figures of 1 to 7 people are hidden, all others are rounded to 5.
    Nhs,
}

/// Everything that a scheme says of the periods of a hub, by period.
pub type Sheet = BTreeMap<(Stretch, CellKey), Said>;

fn stretch(made: &Made) -> Stretch {
    (*made.quarters.start(), *made.quarters.end())
}

/// What a scheme says of everything that a hub has released.
pub fn publish(hub: &Hub, scheme: Scheme) -> Sheet {
    let mut sheet = Sheet::new();
    for made in &hub.made {
        let seen = hub.counted.count(made.quarters.clone());
        for (cell, observed) in &seen {
            sheet.insert((stretch(made), *cell), first(scheme, *cell, *observed));
        }
        if scheme == Scheme::Complement {
            complement(&mut sheet, stretch(made), &seen);
        }
    }
    sheet
}

fn first(scheme: Scheme, cell: CellKey, seen: Observation) -> Said {
    let few = |people: u64| (1..8).contains(&people);
    match cell.indicator.class() {
        Class::Open => Said::Exact,
        Class::People if few(seen.value) => Said::Few(1, 7),
        Class::PeopleSum { .. } if few(seen.people_behind) => Said::Nothing,
        Class::People | Class::PeopleSum { .. } if scheme == Scheme::Nhs && seen.value > 0 => Said::Rounded,
        Class::People | Class::PeopleSum { .. } => Said::Exact,
    }
}

/// Hides the smallest that is said of each additive line of which one cell alone is hidden.
fn complement(sheet: &mut Sheet, period: Stretch, seen: &BTreeMap<CellKey, Observation>) {
    for indicator in Indicator::ALL {
        for dimension in indicator.dimensions().iter().filter(|dimension| dimension.is_additive()) {
            let line = line(seen, indicator, *dimension);
            if line.iter().filter(|(cell, _)| is_hidden(sheet[&(period, *cell)])).count() == 1 {
                hide_next(sheet, period, &line);
            }
        }
    }
}

fn line(seen: &BTreeMap<CellKey, Observation>, indicator: Indicator, dimension: Dimension) -> Vec<(CellKey, u64)> {
    let of = |cell: &CellKey| cell.indicator == indicator && cell.dimension() == Some(dimension);
    seen.iter().filter(|(cell, _)| of(cell)).map(|(cell, seen)| (*cell, seen.value)).collect()
}

fn is_hidden(said: Said) -> bool {
    matches!(said, Said::Few(..) | Said::Nothing)
}

fn hide_next(sheet: &mut Sheet, period: Stretch, line: &[(CellKey, u64)]) -> bool {
    let shown = line.iter().filter(|(cell, _)| !is_hidden(sheet[&(period, *cell)]));
    match shown.min_by_key(|(_, value)| *value) {
        Some((cell, _)) => sheet.insert((period, *cell), Said::Nothing).is_some(),
        None => false,
    }
}

/// Attacks a sheet.
pub fn attack(hub: &Hub, sheet: &Sheet) -> Findings {
    attack_published(hub, |made| {
        let mut bounds = BTreeMap::new();
        for prepared in &made.prepared {
            let truth = prepared.true_value as i64;
            let said = sheet.get(&(stretch(made), prepared.key)).copied().unwrap_or(Said::Nothing);
            bounds.insert(
                prepared.key,
                match said {
                    Said::Exact => (truth, truth),
                    Said::Rounded => {
                        let rounded = (truth + 2) / 5 * 5;
                        (rounded - 2, rounded + 2)
                    }
                    Said::Few(least, most) => (least, most),
                    Said::Nothing => (0, FAR),
                },
            );
        }
        Published::by_bounds(made.quarters.clone(), Terms::FLOOR, bounds)
    })
}

/// Suppression with complement made as safe as these rules: what they hide first is hidden first, nothing is rounded, and
/// complements are hidden until the same attacker finds nothing.
pub fn safe_complement(hub: &Hub) -> (Sheet, Findings) {
    let mut sheet = Sheet::new();
    for made in &hub.made {
        let seen = hub.counted.count(made.quarters.clone());
        for prepared in &made.prepared {
            let observed = seen.get(&prepared.key).copied().unwrap_or_default();
            sheet.insert((stretch(made), prepared.key), as_strict(prepared.key, observed, &seen));
        }
        complement(&mut sheet, stretch(made), &seen);
    }
    for _ in 0..60 {
        let findings = attack(hub, &sheet);
        let mut done = BTreeSet::new();
        let mut hidden = false;
        for breach in findings.breaches.iter().chain(&findings.undecided) {
            if done.insert((breach.cell.indicator, breach.cell.dimension(), breach.stretch)) {
                hidden |= hide_for(hub, &mut sheet, breach);
            }
        }
        if !hidden {
            return (sheet, findings);
        }
    }
    let findings = attack(hub, &sheet);
    (sheet, findings)
}

fn as_strict(cell: CellKey, seen: Observation, all: &BTreeMap<CellKey, Observation>) -> Said {
    let special = cell.dimension().is_some_and(Dimension::is_special);
    let threshold = if special { 10 } else { 8 };
    let no_event = all[&CellKey::headline(cell.indicator)].events_with_people == 0;
    match cell.indicator.class() {
        Class::Open => Said::Exact,
        Class::People | Class::PeopleSum { .. } if no_event => Said::Exact,
        Class::People if seen.value < threshold => Said::Few(0, threshold as i64 - 1),
        Class::PeopleSum { .. }
            if seen.people_behind < threshold
                || 2 * seen.largest > seen.value
                || 10 * seen.two_largest > 9 * seen.value =>
        {
            Said::Nothing
        }
        Class::People | Class::PeopleSum { .. } => Said::Exact,
    }
}

/// Hides one more cell for a breach, the one that costs least first: of its line, of the same line in the part, the
/// total, that of the part, and those that hang together with it.
fn hide_for(hub: &Hub, sheet: &mut Sheet, breach: &Breach) -> bool {
    let periods: Vec<Stretch> = [Some(breach.stretch), breach.part].into_iter().flatten().collect();
    let related: &[Indicator] = match breach.cell.indicator {
        Indicator::PeopleTrained | Indicator::YoungPeopleTrained | Indicator::TrainingMinutes => {
            &[Indicator::PeopleTrained, Indicator::YoungPeopleTrained, Indicator::TrainingMinutes]
        }
        Indicator::PeopleListenedTo | Indicator::Listenings => &[Indicator::PeopleListenedTo, Indicator::Listenings],
        Indicator::PeopleMobilised => &[Indicator::PeopleMobilised],
        Indicator::TrainingSessions
        | Indicator::TrainersQualityAssured
        | Indicator::ListeningCampaignsReportedBack
        | Indicator::ActionsHeld
        | Indicator::CommunityProjectsSupported
        | Indicator::FundingLeveragedPence
        | Indicator::OrganisationsSignedUp
        | Indicator::CampaignReach
        | Indicator::AsksWon => &[],
    };
    let mut inside: Vec<Stretch> = hub.made.iter().map(stretch).collect();
    inside.sort_by_key(|it| (!periods.contains(it), it.1 - it.0));
    let touches = |it: &Stretch| it.0 <= breach.stretch.1 && breach.stretch.0 <= it.1;
    for period in inside.into_iter().filter(touches) {
        let seen = hub.counted.count(period.0..=period.1);
        let mut own = vec![breach.cell.indicator];
        own.extend(related.iter().filter(|it| **it != breach.cell.indicator));
        for indicator in own {
            if let Some(dimension) = breach.cell.dimension()
                && indicator.dimensions().contains(&dimension)
                && hide_next_known(sheet, period, &line(&seen, indicator, dimension))
            {
                return true;
            }
            let total = CellKey::headline(indicator);
            let is_zero = seen[&total].events_with_people == 0;
            if !is_zero && sheet.get(&(period, total)).is_some_and(|said| !is_hidden(*said)) {
                sheet.insert((period, total), Said::Nothing);
                return true;
            }
            // A total that can be added up again is none that is hidden.
            for dimension in indicator.dimensions() {
                if !is_zero && hide_next_known(sheet, period, &line(&seen, indicator, *dimension)) {
                    return true;
                }
            }
        }
    }
    false
}

fn hide_next_known(sheet: &mut Sheet, period: Stretch, line: &[(CellKey, u64)]) -> bool {
    line.iter().all(|(cell, _)| sheet.contains_key(&(period, *cell))) && hide_next(sheet, period, line)
}

/// What our own releases say, in the same words.
pub fn ours(hub: &Hub) -> Sheet {
    let mut sheet = Sheet::new();
    for made in &hub.made {
        for prepared in &made.prepared {
            let said = match prepared.figure {
                Figure::Exact(_) => Said::Exact,
                Figure::Rounded(_) => Said::Rounded,
                Figure::Below(below) => Said::Few(0, i64::from(below) - 1),
                Figure::Withheld => Said::Nothing,
            };
            sheet.insert((stretch(made), prepared.key), said);
        }
    }
    sheet
}
