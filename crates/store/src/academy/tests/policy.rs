//! Policies at the Academy. Its clock stands in the second quarter of 2026.

use folkmoot_disclosure::{GivenTerms, Terms};
use folkmoot_domain::calendar::Quarter;

use super::*;

fn quarter(text: &str) -> Quarter {
    match text.parse() {
        Ok(Period::Quarter(quarter)) => quarter,
        other => panic!("{other:?}"),
    }
}

fn draft(from: &str, threshold: Option<u32>, two_largest_percent: Option<u32>) -> PolicyDraft {
    PolicyDraft {
        from: Some(quarter(from)),
        given: GivenTerms { threshold, two_largest_percent, ..GivenTerms::default() },
    }
}

fn refused(result: Result<KnownPolicy, StoreError>) -> Vec<(&'static str, String)> {
    match result {
        Err(StoreError::PolicyRefused { faults }) => {
            faults.into_iter().map(|fault| (fault.field, fault.words)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn policies_are_numbered_and_each_goes_on_from_the_one_before() {
    let academy = academy().academy;
    let next = PolicyDraft { from: None, ..draft("2026-Q3", Some(12), None) };
    let second = academy.create_policy(next, "").unwrap();
    let terms = Terms { threshold: 12, special_threshold: 12, ..Terms::FLOOR };
    assert_eq!((second.policy.version(), second.policy.terms()), (2, terms));
    assert_eq!((second.from, second.replaced), (Some(quarter("2026-Q3")), false));
    assert_eq!(second.made_at, Some(UnixMillis(START)));
    let third = academy.create_policy(draft("2027-Q1", None, Some(80)), "").unwrap();
    assert_eq!((third.policy.version(), third.policy.terms()), (3, Terms { two_largest_percent: 80, ..terms }));
    // Brought forward.
    let fourth = academy.create_policy(draft("2026-Q4", None, None), "").unwrap();
    assert_eq!((fourth.policy.version(), fourth.policy.terms()), (4, third.policy.terms()));
    let known: Vec<_> =
        academy.policies().unwrap().iter().map(|known| (known.policy.version(), known.replaced)).collect();
    assert_eq!(known, [(1, false), (2, false), (3, true), (4, false)]);
    let floor = academy.policies().unwrap()[0];
    assert_eq!((floor.policy, floor.from, floor.made_at), (Policy::floor(), None, None));
}

#[test]
fn everything_wrong_with_a_policy_is_said_at_once_and_nothing_is_written() {
    let academy = academy().academy;
    academy.create_policy(draft("2026-Q4", Some(12), Some(85)), "").unwrap();
    let wrong = academy.create_policy(draft("2026-Q2", Some(7), Some(86)), "");
    let (begun, expected) = (
        "2026-Q2 has begun: a policy holds from a quarter to come, 2026-Q3 or later, so that no quarter changes under way \
         and hubs know it before they release",
        |field, words: &str| (field, words.to_owned()),
    );
    assert_eq!(
        refused(wrong),
        [
            expected("threshold", "threshold 7 is laxer than policy 2: 12 or more"),
            expected("two_largest_percent", "two largest shares 86 % is laxer than policy 2: 85 or less"),
            expected("first_quarter", begun),
        ]
    );
    for (from, words) in [
        ("2027-Q1", "policy 2 has the same terms by 2027-Q1: nothing would change"),
        ("2031-Q3", "2031-Q3 is more than five years ahead; a policy is never taken back"),
        ("2025-Q4", "2025-Q4 has begun"),
    ] {
        let faults = refused(academy.create_policy(draft(from, None, None), ""));
        assert_eq!((faults.len(), faults[0].0), (1, "first_quarter"), "{faults:?}");
        assert!(faults[0].1.starts_with(words), "{faults:?}");
    }
    assert_eq!(academy.policies().unwrap().len(), 2);
    academy.create_policy(draft("2031-Q2", Some(13), None), "").expect("five years ahead");
}

#[test]
fn a_request_that_is_repeated_sets_one_policy() {
    let academy = academy();
    let first = academy.academy.create_policy(draft("2026-Q3", Some(9), None), "id").unwrap();
    assert_eq!(academy.academy.create_policy(draft("2026-Q3", Some(9), None), "").unwrap(), first, "the very same");
    academy.turn(200 * 24 * HOUR);
    assert_eq!(academy.academy.create_policy(draft("2026-Q3", Some(9), None), "id").unwrap(), first);
    assert_eq!(academy.academy.create_policy(draft("2026-Q3", Some(9), None), "").unwrap(), first);
    // The id of another kind of request is another id.
    academy.academy.create_programme(&coep(), "other").unwrap();
    let second = academy.academy.create_policy(draft("2027-Q1", Some(10), None), "other").unwrap();
    assert_eq!((second.policy.version(), academy.academy.policies().unwrap().len()), (3, 3));
}
