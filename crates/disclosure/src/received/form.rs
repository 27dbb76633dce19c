//! Whether the rules could have made such cells at all. Everything here follows from rules 1 to 3 and from what each
//! indicator is; an honest release never fails.

use folkmoot_domain::indicator::{CellKey, Class, EventKind, Indicator};

use crate::{Figure, MOST, Policy};

/// Everything that the rules could not have made of the cells, which are complete and in order.
pub(super) fn faults(cells: &[(CellKey, Figure)], policy: &Policy) -> Vec<String> {
    let headline = |indicator| {
        let found = cells.iter().find(|(key, _)| *key == CellKey::headline(indicator));
        found.map_or(Figure::Withheld, |(_, figure)| *figure)
    };
    let mut faults = Vec::new();
    for indicator in Indicator::ALL {
        let figure = headline(indicator);
        if figure.bounds().1.is_some_and(|high| high > MOST) {
            faults.push(format!("{} is more than any hub can count", indicator.title()));
        }
        let possible = match indicator.class() {
            Class::Open => matches!(figure, Figure::Exact(_)),
            Class::People => people_headline(figure, policy),
            Class::PeopleSum { behind } => people_sum(figure, headline(behind)),
        };
        if !possible {
            faults.push(format!("{} is not such as rule 1 of disclosure control makes it", indicator.title()));
        }
        if indicator
            .event_kind()
            .is_some_and(|kind| figure != Figure::Exact(0) && headline(open(kind)) == Figure::Exact(0))
        {
            faults.push(format!("{} has people without an event", indicator.title()));
        }
        for dimension in indicator.dimensions() {
            let parts = cells.iter().filter(|(key, _)| {
                key.indicator == indicator && key.category.is_some_and(|category| category.dimension() == *dimension)
            });
            let parts: Vec<Figure> = parts.map(|(_, figure)| *figure).collect();
            if !breakdown(figure, &parts, policy) {
                faults.push(format!(
                    "{} by {} is not such as rules 2 and 3 of disclosure control make it, or cannot add up",
                    indicator.title(),
                    dimension.code()
                ));
            }
        }
    }
    if !nested(headline(Indicator::YoungPeopleTrained), headline(Indicator::PeopleTrained)) {
        faults.push("there are more young people trained than people trained".to_owned());
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

/// 0 where there was no event, else exact from the threshold on, else under it.
fn people_headline(figure: Figure, policy: &Policy) -> bool {
    match figure {
        Figure::Exact(value) => value == 0 || !policy.hides(value),
        Figure::Below(threshold) => threshold == policy.threshold(),
        Figure::Rounded(_) | Figure::Withheld => false,
    }
}

/// A sum is hidden just where its people are, 0 just where they are, and no less than they are: everybody adds one or
/// more.
fn people_sum(figure: Figure, behind: Figure) -> bool {
    match (figure, behind) {
        (Figure::Exact(0), Figure::Exact(0)) => true,
        (Figure::Exact(sum), Figure::Exact(people)) => people > 0 && sum >= people,
        (Figure::Withheld, Figure::Below(_)) => true,
        (Figure::Exact(_) | Figure::Rounded(_) | Figure::Below(_) | Figure::Withheld, _) => false,
    }
}

/// A part of the people cannot be more than the people, and is 0 without an event just where they are.
fn nested(part: Figure, whole: Figure) -> bool {
    let structural = |figure| figure == Figure::Exact(0);
    structural(part) == structural(whole) && whole.bounds().1.is_none_or(|high| part.bounds().0 <= high)
}

/// Rules 2 and 3, and whether such parts can add up to the total.
fn breakdown(total: Figure, parts: &[Figure], policy: &Policy) -> bool {
    let count = |wanted: fn(&Figure) -> bool| parts.iter().filter(|part| wanted(part)).count();
    let withheld = count(|part| matches!(part, Figure::Withheld));
    let small = count(|part| matches!(part, Figure::Below(_)));
    let shown = count(|part| matches!(part, Figure::Rounded(_)));
    let Figure::Exact(total) = total else {
        return withheld == parts.len();
    };
    let well_formed = parts.iter().all(|part| match part {
        Figure::Exact(_) => false,
        Figure::Rounded(value) => value % Policy::ROUNDING == 0 && *value >= policy.round(policy.threshold().into()),
        Figure::Below(threshold) => *threshold == policy.threshold(),
        Figure::Withheld => true,
    });
    if !well_formed || parts.iter().any(|part| part.bounds().1.is_some_and(|high| high > MOST)) {
        return false;
    }
    if total == 0 {
        return small == parts.len();
    }
    if withheld == parts.len() {
        // Everybody is in one part.
        return true;
    }
    // One part is hidden as well just where only one is small.
    if withheld != usize::from(small == 1) {
        return false;
    }
    let (least, most) = sums(parts, policy);
    // Were the only part that is shown everybody, all would be withheld.
    let least = if shown == 1 && withheld == 0 { least + 1 } else { least };
    (least..=most).contains(&total)
}

/// The least and the most that the parts can add up to, where at most one is withheld: the smallest of those not small,
/// and of several that are as small the first.
fn sums(parts: &[Figure], policy: &Policy) -> (u64, u64) {
    let threshold = u64::from(policy.threshold());
    let hidden_at = parts.iter().position(|part| matches!(part, Figure::Withheld));
    // A part before the withheld one that is as small as it would have been withheld in its place.
    let above = |at: usize| u64::from(hidden_at.is_some_and(|hidden| at < hidden));
    let shown = || {
        parts.iter().enumerate().filter_map(|(at, part)| match part {
            Figure::Rounded(_) => Some((at, part.bounds().0, part.bounds().1.unwrap_or(MOST))),
            Figure::Exact(_) | Figure::Below(_) | Figure::Withheld => None,
        })
    };
    let least: u64 = shown().map(|(at, low, _)| low.max(threshold + above(at))).sum();
    let most: u64 = shown().map(|(_, _, high)| high).sum();
    let small = parts.iter().filter(|part| matches!(part, Figure::Below(_))).count() as u64;
    let hidden = hidden_at
        .map_or((0, 0), |_| (threshold, shown().map(|(at, _, high)| high - above(at)).min().unwrap_or(threshold)));
    (least + hidden.0, most + hidden.1 + small * (threshold - 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The parts that rules 2 and 3 make of true figures, written apart from the code under test: 0 hidden as small, 1
    /// withheld, else the rounded figure.
    fn published(parts: [u64; 5]) -> [u64; 5] {
        let total: u64 = parts.iter().sum();
        if parts.contains(&total) {
            return [1; 5];
        }
        let mut line = parts.map(|part| if part < 8 { 0 } else { (part + 2) / 5 * 5 });
        if line.iter().filter(|part| **part == 0).count() == 1 {
            let mut order: Vec<usize> = (0..5).filter(|at| line[*at] > 0).collect();
            order.sort_by_key(|at| (parts[*at], *at));
            line[order[0]] = 1;
        }
        line
    }

    /// Every line of five parts of up to 12 people each that can be published, with its total.
    fn reachable() -> BTreeSet<(u64, [u64; 5])> {
        const VALUES: u64 = 13;
        (0..VALUES.pow(5))
            .map(|code| [0, 1, 2, 3, 4].map(|at| code / VALUES.pow(at) % VALUES))
            .map(|parts| (parts.iter().sum(), published(parts)))
            .filter(|(total, _)| *total >= 8)
            .collect()
    }

    #[test]
    fn just_the_lines_that_can_be_are_taken() {
        let policy = Policy::floor();
        let reachable = reachable();
        let figure = |code: u64| match code {
            0 => Figure::Below(8),
            1 => Figure::Withheld,
            rounded => Figure::Rounded(rounded),
        };
        // Parts of 13 and more, which round to 15, are left out on both sides.
        for code in 0..3u64.pow(5) {
            let line = [0, 1, 2, 3, 4].map(|at| [0, 1, 10][(code / 3u64.pow(at) % 3) as usize]);
            let parts: Vec<Figure> = line.into_iter().map(figure).collect();
            // Where all is withheld, any total will do, which no enumeration reaches.
            for total in (8..=70).filter(|_| line != [1; 5]) {
                let taken = breakdown(Figure::Exact(total), &parts, &policy);
                assert_eq!(taken, reachable.contains(&(total, line)), "{total} {line:?}");
            }
        }
    }
}
