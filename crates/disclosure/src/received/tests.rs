use folkmoot_domain::calendar::{Programme, parse_date};
use folkmoot_domain::indicator::{Class, Dimension, Indicator};

use super::*;

const HUB: [u8; 32] = [7; 32];

fn day(text: &str) -> Date {
    parse_date(text).unwrap()
}

/// A release as an honest hub makes it: 55 trained, 8 of them young, nothing else held but an action without people.
fn honest() -> ReleaseParts {
    let gender = [Figure::Rounded(15), Figure::Rounded(20), Figure::Below(8), Figure::Withheld, Figure::Rounded(10)];
    let cells = CellKey::all().into_iter().map(|key| {
        let place = Dimension::Gender.categories().iter().position(|category| Some(*category) == key.category);
        let figure = match (key.indicator, place) {
            (_, Some(place)) => gender[place],
            (Indicator::PeopleTrained, None) => Figure::Exact(55),
            (Indicator::YoungPeopleTrained, None) => Figure::Exact(8),
            (Indicator::TrainingMinutes, None) => Figure::Exact(9_900),
            (Indicator::TrainingSessions | Indicator::ActionsHeld, None) => Figure::Exact(1),
            (_, None) => Figure::Exact(0),
        };
        CellParts {
            indicator: key.indicator.code().to_owned(),
            dimension: key.dimension_code().to_owned(),
            category: key.category_code().to_owned(),
            figure: Some(figure),
        }
    });
    ReleaseParts {
        hub: HUB.to_vec(),
        period: "2018-Q3".to_owned(),
        first_day: "2018-07-01".to_owned(),
        last_day: "2018-09-30".to_owned(),
        revision: 0,
        policy_version: 1,
        catalogue_version: 1,
        cells: cells.collect(),
    }
}

fn programmes() -> Programmes {
    let mut programmes = Programmes::default();
    let coep = Programme::new("COEP".parse().unwrap(), "Expansion", day("2017-04-01"), day("2020-03-31"));
    programmes.insert(coep.unwrap()).unwrap();
    programmes
}

fn kinds(parts: &ReleaseParts, today: &str) -> Vec<FaultKind> {
    let checked = ReceivedRelease::check(parts, HUB, &programmes(), day(today));
    checked.err().unwrap_or_default().into_iter().map(|fault| fault.kind).collect()
}

/// Changes an honest release and expects these faults.
fn check(what: &str, change: impl FnOnce(&mut ReleaseParts), expected: &[FaultKind]) {
    let mut parts = honest();
    change(&mut parts);
    assert_eq!(kinds(&parts, "2018-10-01"), expected, "{what}");
}

/// Gives cells of an honest release other figures and expects it to pass or not.
fn check_figures(changes: &[(Indicator, Figure)], gender: Option<[Figure; 5]>, passes: bool) {
    let mut parts = honest();
    for (key, cell) in CellKey::all().into_iter().zip(&mut parts.cells) {
        if let Some((_, figure)) = changes.iter().find(|(indicator, _)| key == CellKey::headline(*indicator)) {
            cell.figure = Some(*figure);
        }
        let place = Dimension::Gender.categories().iter().position(|category| Some(*category) == key.category);
        if let (Some(gender), Some(place)) = (gender, place) {
            cell.figure = Some(gender[place]);
        }
    }
    let faults = ReceivedRelease::check(&parts, HUB, &programmes(), day("2018-10-01")).err().unwrap_or_default();
    assert_eq!(faults.is_empty(), passes, "{changes:?} {gender:?}: {faults:?}");
    assert!(faults.iter().all(|fault| fault.kind == FaultKind::Form));
}

#[test]
fn an_honest_release_passes() {
    check("nothing", |_| (), &[]);
    let received = ReceivedRelease::check(&honest(), HUB, &programmes(), day("2018-10-01")).unwrap();
    assert_eq!((received.hub(), received.revision(), received.period().to_string().as_str()), (HUB, 0, "2018-Q3"));
    assert_eq!(received.cells().len(), CellKey::all().len());
}

#[test]
fn names_versions_and_order() {
    use FaultKind::*;
    check("another hub", |parts| parts.hub = vec![8; 32], &[Form]);
    check("no hub", |parts| parts.hub.clear(), &[Form]);
    check("another policy", |parts| parts.policy_version = 2, &[Policy]);
    check("no policy", |parts| parts.policy_version = 0, &[Policy]);
    check("another catalogue", |parts| parts.catalogue_version = 2, &[Form]);
    check("a revision", |parts| parts.revision = 1, &[Calendar]);
    check("no cells", |parts| parts.cells.clear(), &[Form]);
    check("a cell less", |parts| parts.cells.truncate(16), &[Form]);
    check("another order", |parts| parts.cells.swap(0, 1), &[Form]);
    check("a cell twice", |parts| parts.cells.push(parts.cells[16].clone()), &[Form]);
    check("a cell unknown", |parts| parts.cells[3].category = "nobody".to_owned(), &[Form]);
    check("a breakdown unknown", |parts| parts.cells[9].dimension = "gender".to_owned(), &[Form]);
    check("no figure", |parts| parts.cells[9].figure = None, &[Form]);
}

#[test]
fn the_calendar() {
    use FaultKind::*;
    check("no period", |parts| parts.period = "2018-Q5".to_owned(), &[Calendar]);
    check("other days", |parts| parts.last_day = "2018-09-29".to_owned(), &[Calendar]);
    check("days in another form", |parts| parts.first_day = "01/07/2018".to_owned(), &[Calendar]);
    let of_programme = |code: &str, first: &str, last: &str| {
        let (period, first_day, last_day) = (format!("programme/{code}"), first.to_owned(), last.to_owned());
        ReleaseParts { period, first_day, last_day, ..honest() }
    };
    assert_eq!(kinds(&of_programme("COEP", "2017-04-01", "2020-03-31"), "2020-04-01"), []);
    assert_eq!(kinds(&of_programme("COEP", "2017-04-01", "2020-06-30"), "2020-07-01"), [Calendar]);
    assert_eq!(kinds(&of_programme("OTHER", "2017-04-01", "2020-03-31"), "2020-04-01"), [UnknownProgramme]);
    // The clocks of two nodes may be a day apart, no more.
    for (today, expected) in [("2018-09-30", &[][..]), ("2018-09-29", &[Calendar]), ("2018-08-01", &[Calendar])] {
        assert_eq!(kinds(&honest(), today), expected, "{today}");
    }
}

#[test]
fn faults_do_not_quote() {
    let mut parts = ReleaseParts { period: "planted".to_owned(), first_day: "planted".to_owned(), ..honest() };
    parts.cells[2].category = "planted".to_owned();
    let faults = ReceivedRelease::check(&parts, [1; 32], &programmes(), day("2018-10-01")).unwrap_err();
    assert_eq!(faults.len(), 3);
    assert!(faults.iter().all(|fault| !fault.words.contains("planted")));
}

#[test]
fn headlines_are_such_as_rule_1_makes_them() {
    use Figure::{Below, Exact, Rounded, Withheld};
    for indicator in Indicator::ALL.into_iter().filter(|indicator| indicator.class() == Class::Open) {
        for figure in [Below(8), Rounded(10), Withheld, Exact(u64::MAX)] {
            check_figures(&[(indicator, figure)], None, false);
        }
    }
    for (mobilised, passes) in [
        (Exact(0), true),
        (Exact(8), true),
        (Below(8), true),
        (Exact(7), false),
        (Exact(1), false),
        (Below(10), false),
        (Below(5), false),
        (Rounded(10), false),
        (Withheld, false),
        (Exact(u64::MAX), false),
    ] {
        check_figures(&[(Indicator::PeopleMobilised, mobilised)], None, passes);
    }
    // People who took part in no action.
    check_figures(&[(Indicator::PeopleMobilised, Exact(8)), (Indicator::ActionsHeld, Exact(0))], None, false);
    // Sessions without people are no fault, people without sessions are.
    check_figures(&[(Indicator::TrainingSessions, Exact(0))], None, false);
}

#[test]
fn sums_stand_and_fall_with_their_people() {
    use Figure::{Below, Exact, Withheld};
    for (listenings, listened_to, passes) in [
        (Exact(0), Exact(0), true),
        (Exact(9), Exact(8), true),
        (Exact(8), Exact(8), true),
        (Withheld, Below(8), true),
        (Exact(7), Exact(8), false),
        (Exact(9), Below(8), false),
        (Withheld, Exact(8), false),
        (Exact(5), Exact(0), false),
        (Exact(0), Below(8), false),
        (Below(8), Below(8), false),
        (Withheld, Withheld, false),
    ] {
        let changes = [(Indicator::Listenings, listenings), (Indicator::PeopleListenedTo, listened_to)];
        check_figures(&changes, None, passes);
    }
}

#[test]
fn the_young_are_some_of_the_trained() {
    use Figure::{Below, Exact};
    for (young, passes) in [(Exact(55), true), (Exact(56), false), (Below(8), true), (Exact(0), false)] {
        check_figures(&[(Indicator::YoungPeopleTrained, young)], None, passes);
    }
}

#[test]
fn breakdowns_are_such_as_rules_2_and_3_make_them() {
    use Figure::{Below, Exact, Rounded, Withheld};
    let (b, w) = (Below(8), Withheld);
    let r = Rounded;
    for (total, gender, passes) in [
        (55, [w, w, w, w, w], true),
        (55, [r(15), r(20), b, w, r(10)], true),
        // Exactly one part is hidden, or three, or one small part beside two withheld.
        (55, [r(15), r(15), b, r(10), r(15)], false),
        (55, [r(15), r(20), b, w, w], false),
        (55, [r(15), b, b, w, r(30)], false),
        (55, [r(15), w, r(15), r(10), r(15)], false),
        // No part is exact, and none is rounded but to 5, and to 10 at least.
        (55, [r(15), r(20), Exact(0), b, r(10)], false),
        (55, [r(15), r(21), b, b, r(10)], false),
        (55, [r(15), r(20), b, b, r(5)], false),
        (55, [r(15), r(20), Below(10), b, r(10)], false),
        (55, [r(15), r(20), r(u64::MAX - 3), b, b], false),
        // The parts can add up to the total, or cannot.
        (55, [r(10), r(10), r(10), r(10), r(10)], true),
        (60, [r(10), r(10), r(10), r(10), r(10)], true),
        (61, [r(10), r(10), r(10), r(10), r(10)], false),
        (40, [r(10), r(10), r(10), r(10), r(10)], true),
        (39, [r(10), r(10), r(10), r(10), r(10)], false),
        (35, [b, b, b, b, b], true),
        (36, [b, b, b, b, b], false),
        (8, [b, b, b, b, b], true),
        // Were all in the one part that is shown, it would be withheld.
        (38, [b, r(40), b, b, b], false),
        (39, [b, r(40), b, b, b], true),
        (70, [b, r(40), b, b, b], true),
        (71, [b, r(40), b, b, b], false),
        // The withheld part is the smallest: 8 to 12 here, and 11 at most where an equal stands before it.
        (61, [r(10), r(10), b, w, r(20)], true),
        (64, [r(10), r(10), b, w, r(20)], true),
        (65, [r(10), r(10), b, w, r(20)], false),
        (65, [w, r(10), b, r(10), r(20)], true),
        (66, [w, r(10), b, r(10), r(20)], false),
        (44, [r(10), r(10), b, w, r(20)], true),
        (43, [r(10), r(10), b, w, r(20)], false),
    ] {
        let young = (Indicator::YoungPeopleTrained, Exact(8));
        check_figures(&[(Indicator::PeopleTrained, Exact(total)), young], Some(gender), passes);
    }
    let none = [(Indicator::PeopleTrained, Exact(0)), (Indicator::YoungPeopleTrained, Exact(0))];
    let none = [none[0], none[1], (Indicator::TrainingMinutes, Exact(0))];
    check_figures(&none, Some([b; 5]), true);
    check_figures(&none, Some([w; 5]), false);
    check_figures(&none, Some([Exact(0); 5]), false);
    let few = [(Indicator::PeopleTrained, b), (Indicator::YoungPeopleTrained, b), (Indicator::TrainingMinutes, w)];
    check_figures(&few, Some([w; 5]), true);
    check_figures(&few, Some([b; 5]), false);
}
