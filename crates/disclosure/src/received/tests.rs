use folkmoot_domain::calendar::Quarter;
use folkmoot_domain::indicator::{EventKind, Indicator};
use folkmoot_domain::record::Gender;

use super::*;
use crate::fixture::{HUB, Hub, day, person, programmes};
use crate::{Policy, PolicyRecord};

/// A release as an honest hub makes it: 13 women, 22 men, 3 non-binary people, 9 who preferred not to say and 8 unknown
/// were trained; 30 people were heard, and nobody acted.
fn honest() -> ReleaseParts {
    let mut hub = Hub::default();
    for (gender, count) in Gender::ALL.iter().zip([13, 22, 3, 9, 8]) {
        hub.add(count, person(*gender), EventKind::Sessions, "2018-Q3", 90);
    }
    hub.add(30, person(Gender::Woman), EventKind::Listenings, "2018-Q3", 2);
    ReleaseParts::from(&hub.prepare("2018-Q3", "2018-10-01").release)
}

fn checked(parts: &ReleaseParts, today: &str) -> Result<ReceivedRelease, Vec<Fault>> {
    ReceivedRelease::check(parts, HUB, &programmes(), &Policies::default(), day(today))
}

fn kinds(parts: &ReleaseParts, today: &str) -> Vec<FaultKind> {
    checked(parts, today).err().unwrap_or_default().into_iter().map(|fault| fault.kind).collect()
}

/// Changes an honest release and expects these faults.
fn check(what: &str, change: impl FnOnce(&mut ReleaseParts), expected: &[FaultKind]) {
    let mut parts = honest();
    change(&mut parts);
    assert_eq!(kinds(&parts, "2018-10-01"), expected, "{what}");
}

fn place(parts: &ReleaseParts, (indicator, dimension, category): (&str, &str, &str)) -> usize {
    let is = |cell: &CellParts| {
        (cell.indicator.as_str(), cell.dimension.as_str(), cell.category.as_str()) == (indicator, dimension, category)
    };
    parts.cells.iter().position(is).unwrap()
}

/// Gives cells of an honest release other figures and expects it to pass, or to fail with these words.
fn check_figures(changes: &[((&str, &str, &str), Figure)], expected: Result<(), &str>) {
    let mut parts = honest();
    for (cell, figure) in changes {
        let at = place(&parts, *cell);
        parts.cells[at].figure = Some(*figure);
    }
    match (checked(&parts, "2018-10-01"), expected) {
        (Ok(_), Ok(())) => {}
        (Err(faults), Err(words)) => {
            assert!(faults.iter().all(|fault| fault.kind == FaultKind::Form));
            assert!(faults.iter().any(|fault| fault.words.contains(words)), "{changes:?}: {faults:?}");
        }
        (found, expected) => panic!("{changes:?}: {:?} rather than {expected:?}", found.map(|_| ())),
    }
}

#[test]
fn an_honest_release_passes() {
    let received = checked(&honest(), "2018-10-01").unwrap();
    assert_eq!((received.hub(), received.revision(), received.period().to_string().as_str()), (HUB, 0, "2018-Q3"));
    assert_eq!((received.policy_version(), received.terms()), (1, Terms::FLOOR));
    assert_eq!(received.cells().len(), CellKey::all().len());
}

#[test]
fn names_versions_and_order() {
    use FaultKind::*;
    check("another hub", |parts| parts.hub = vec![8; 32], &[Form]);
    check("no hub", |parts| parts.hub.clear(), &[Form]);
    check("a catalogue that is read no more", |parts| parts.catalogue_version = 1, &[Form, Form]);
    check("a revision", |parts| parts.revision = 1, &[]);
    check("no cells", |parts| parts.cells.clear(), &[Form]);
    check("a cell less", |parts| parts.cells.truncate(16), &[Form]);
    check("another order", |parts| parts.cells.swap(0, 1), &[Form]);
    check("a cell twice", |parts| parts.cells.push(parts.cells[16].clone()), &[Form]);
    check("a cell unknown", |parts| parts.cells[3].category = "nobody".to_owned(), &[Form]);
    check("a breakdown unknown", |parts| parts.cells[9].dimension = "ward".to_owned(), &[Form]);
    check("no figure", |parts| parts.cells[9].figure = None, &[Form]);
}

/// An honest release as software made it that knew another catalogue.
fn of_catalogue(version: u32) -> ReleaseParts {
    let mut parts = ReleaseParts { catalogue_version: version, ..honest() };
    let known =
        |cell: &CellParts| Indicator::from_code(&cell.indicator).is_some_and(|indicator| indicator.since() <= version);
    parts.cells.retain(known);
    parts
}

#[test]
fn releases_of_earlier_catalogues_are_read_by_what_those_listed() {
    let second = of_catalogue(2);
    let received = checked(&second, "2018-10-01").unwrap();
    assert_eq!((received.catalogue_version(), received.cells().len()), (2, CellKey::all().len() - 3));
    let asks = |parts: &ReleaseParts| parts.cells.last().cloned().unwrap();
    let mut too_much = second.clone();
    too_much.cells.push(asks(&honest()));
    assert_eq!(kinds(&too_much, "2018-10-01"), [FaultKind::Form], "an indicator that the catalogue did not have");
    let mut all = honest();
    all.catalogue_version = 2;
    assert_eq!(kinds(&all, "2018-10-01"), [FaultKind::Form]);
    let mut too_little = honest();
    too_little.cells.pop();
    assert_eq!(kinds(&too_little, "2018-10-01"), [FaultKind::Form]);
}

#[test]
fn a_release_of_a_newer_catalogue_is_one_for_an_upgrade_whatever_else_it_says() {
    let mut newer = ReleaseParts { catalogue_version: 4, ..honest() };
    assert_eq!(kinds(&newer, "2018-10-01"), [FaultKind::NewerCatalogue]);
    newer.cells.push(CellParts { indicator: "joy".to_owned(), figure: Some(Figure::Exact(1)), ..CellParts::default() });
    newer.policy_version = 9;
    assert_eq!(kinds(&newer, "2018-10-01"), [FaultKind::NewerCatalogue]);
}

#[test]
fn wards_are_listed_where_they_are_shown() {
    let ward = |code: &str, figure| CellParts {
        indicator: "people_listened_to".to_owned(),
        dimension: "ward".to_owned(),
        category: code.to_owned(),
        figure: Some(figure),
    };
    let with = |cells: Vec<CellParts>| {
        let mut parts = honest();
        let at = place(&parts, ("people_listened_to", "theme", "other")) + 1;
        parts.cells.splice(at..at, cells);
        kinds(&parts, "2018-10-01")
    };
    let (one, two) = ("E05000001", "E05000002");
    assert_eq!(with(vec![ward(one, Figure::Rounded(15)), ward(two, Figure::Rounded(20))]), []);
    for wrong in [
        vec![ward(two, Figure::Rounded(15)), ward(one, Figure::Rounded(20))],
        vec![ward(one, Figure::Rounded(15)), ward(one, Figure::Rounded(15))],
        vec![ward(one, Figure::Below(8))],
        vec![ward(one, Figure::Withheld)],
        vec![ward(one, Figure::Rounded(35))],
        vec![ward("Priory", Figure::Rounded(15))],
    ] {
        assert_eq!(with(wrong.clone()), [FaultKind::Form], "{wrong:?}");
    }
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
fn the_policy_in_force_and_its_terms() {
    use FaultKind::Policy as Fault;
    check("another policy", |parts| parts.policy_version = 2, &[Fault]);
    check("no policy", |parts| parts.policy_version = 0, &[Fault]);
    check("no terms", |parts| parts.terms = None, &[Fault]);
    let lax = Terms { threshold: 7, ..Terms::FLOOR };
    check("laxer terms", |parts| parts.terms = Some(lax), &[Fault]);
    let strict = Terms { threshold: 9, special_threshold: 12, ..Terms::FLOOR };
    let other = kinds(&ReleaseParts { terms: Some(strict), ..honest() }, "2018-10-01");
    assert!(!other.is_empty() && other.iter().all(|kind| *kind == FaultKind::Form), "figures of other terms");

    let mut policies = Policies::default();
    let from = Quarter::of(day("2018-07-01"));
    policies.insert(PolicyRecord { version: 2, from, terms: strict }).unwrap();
    let check = |parts: &ReleaseParts| {
        let found = ReceivedRelease::check(parts, HUB, &programmes(), &policies, day("2018-10-01"));
        found.map_err(|faults| faults.into_iter().map(|fault| fault.kind).collect::<Vec<_>>()).err()
    };
    assert_eq!(check(&honest()), Some(vec![Fault]), "made under the policy before");
    let mut hub = Hub::default();
    hub.terms = Some(strict);
    hub.add(8, person(Gender::Woman), EventKind::Actions, "2018-Q3", 1);
    let release = hub.prepare("2018-Q3", "2018-10-01");
    assert_eq!(release.leaves("people_mobilised", "", ""), "<9");
    let under = |version| ReleaseParts { policy_version: version, ..ReleaseParts::from(&release.release) };
    assert_eq!(check(&under(2)), None);
    assert_eq!(check(&under(1)), Some(vec![Fault]));
    // A hub may be stricter than the floors.
    assert_eq!(kinds(&under(1), "2018-10-01"), []);
    assert_eq!(Policy::floor().terms(), Terms::FLOOR);
}

#[test]
fn faults_do_not_quote() {
    let mut parts = ReleaseParts { period: "planted".to_owned(), first_day: "planted".to_owned(), ..honest() };
    parts.cells[2].category = "planted".to_owned();
    let found = ReceivedRelease::check(&parts, [1; 32], &programmes(), &Policies::default(), day("2018-10-01"));
    let faults = found.unwrap_err();
    assert_eq!(faults.len(), 3);
    assert!(faults.iter().all(|fault| !fault.words.contains("planted")));
}

#[test]
fn headlines_are_such_as_the_rules_make_them() {
    use Figure::{Below, Exact, Rounded, Withheld};
    for open in ["training_sessions", "funding_leveraged_pence", "trainers_quality_assured"] {
        for figure in [Below(8), Rounded(10), Withheld] {
            check_figures(&[((open, "", ""), figure)], Err("rule 1"));
        }
        check_figures(&[((open, "", ""), Exact(u64::MAX))], Err("more than any hub"));
    }
    let sessions = ("training_sessions", "", "");
    check_figures(&[(sessions, Exact(0))], Err("people without an event"));
    for (figure, expected) in [
        (Exact(55), Ok(())),
        (Exact(7), Err("rule 1")),
        (Exact(1), Err("rule 1")),
        (Below(10), Err("rule 1")),
        (Rounded(55), Ok(())),
        (Rounded(56), Err("rule 1")),
        (Rounded(5), Err("rule 1")),
    ] {
        check_figures(&[(("people_trained", "", ""), figure)], expected);
    }
    check_figures(&[(("young_people_trained", "", ""), Exact(0))], Err("both or neither"));
    check_figures(&[(("young_people_trained", "", ""), Exact(56))], Err("true at once"));
}

#[test]
fn sums_stand_and_fall_with_their_people() {
    use Figure::{Below, Exact, Rounded, Withheld};
    let listenings = ("listenings", "", "");
    for (figure, expected) in [
        (Exact(30), Ok(())),
        // One or two people may make up too much of it.
        (Withheld, Ok(())),
        (Exact(0), Err("rule 1")),
        (Exact(29), Err("true at once")),
        (Rounded(60), Err("rule 1")),
        (Below(8), Err("rule 1")),
    ] {
        check_figures(&[(listenings, figure)], expected);
    }
    let minutes = ("training_minutes", "", "");
    check_figures(&[(minutes, Exact(54))], Err("true at once"));
}

#[test]
fn breakdowns_are_such_as_the_rules_make_them() {
    use Figure::{Below, Exact, Rounded, Withheld};
    let genders = ["woman", "man", "non-binary", "prefer-not-to-say", "unknown"];
    let (b, w, r) = (Below(8), Withheld, Rounded);
    let line = |figures: [Figure; 5], expected| {
        let cells = genders.map(|gender| ("people_trained", "gender", gender));
        let changes: Vec<_> = cells.into_iter().zip(figures).collect();
        check_figures(&changes, expected);
    };
    line([r(15), r(20), b, r(10), w], Ok(()));
    line([w; 5], Ok(()));
    line([r(15), r(20), w, w, w], Ok(()));
    // Exactly one part is hidden.
    line([r(15), r(15), b, r(10), r(15)], Err("rules 2 and 3"));
    line([r(15), w, r(15), r(10), r(15)], Err("rules 2 and 3"));
    // No part is exact, and none is rounded but to 5, and to 10 at least.
    line([r(15), r(20), Exact(0), b, r(10)], Err("rules 2 and 3"));
    line([r(15), r(21), b, b, r(10)], Err("rules 2 and 3"));
    line([r(15), r(20), b, b, r(5)], Err("rules 2 and 3"));
    line([r(15), r(20), Below(10), b, r(10)], Err("rules 2 and 3"));
    // The parts can add up to the total, or cannot.
    line([r(10), r(10), r(10), r(10), r(10)], Ok(()));
    line([r(10), r(10), r(10), r(10), r(25)], Ok(()));
    line([r(10), r(10), r(10), r(10), r(30)], Err("true at once"));
    line([b; 5], Err("true at once"));
    // The two that are hidden are nobody or one at most.
    line([r(15), r(20), r(25), b, b], Err("can be worked out"));
    // All is withheld with the total, and special categories have a threshold of their own.
    let total = ("people_trained", "", "");
    check_figures(&[(total, w)], Err("rules 2 and 3"));
    check_figures(&[(("people_trained", "ethnicity", "asian"), b)], Err("rules 2 and 3"));
    assert_eq!(Indicator::PeopleTrained.dimensions().len(), 4);
}
