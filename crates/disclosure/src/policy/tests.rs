use folkmoot_domain::calendar::{Quarter, Span};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

fn terms(threshold: u32, special_threshold: u32, largest_percent: u32, two_largest_percent: u32) -> Terms {
    Terms { threshold, special_threshold, largest_percent, two_largest_percent }
}

fn quarter(index: u32) -> Quarter {
    Quarter::from_index(2026 * 4 + i32::try_from(index).unwrap()).unwrap()
}

fn record(version: u32, from: u32, terms: Terms) -> PolicyRecord {
    PolicyRecord { version, from: quarter(from), terms }
}

fn policies(records: &[PolicyRecord]) -> Policies {
    let mut policies = Policies::default();
    for record in records {
        policies.insert(*record).unwrap();
    }
    policies
}

#[test]
fn terms_are_told_to_be_unsound_in_words_a_term_at_a_time() {
    let check = |terms: Terms, expected: &[&str]| {
        let words: Vec<String> = terms.faults().iter().map(ToString::to_string).collect();
        assert_eq!(words, expected, "{terms:?}");
    };
    check(Terms::FLOOR, &[]);
    check(terms(1_000, 1_000, 1, 1), &[]);
    check(terms(12, 12, 45, 45), &[]);
    check(
        terms(7, 9, 51, 91),
        &[
            "threshold 7 is laxer than the floor: 8 or more",
            "special threshold 9 is laxer than the floor: 10 or more",
            "largest share 51 % is laxer than the floor: 50 or less",
            "two largest shares 91 % is laxer than the floor: 90 or less",
        ],
    );
    check(
        terms(1_001, 1_001, 0, 0),
        &[
            "threshold 1001 would hide everything: 1000 or less",
            "special threshold 1001 would hide everything: 1000 or less",
            "largest share 0 % would hide everything: 1 or more",
            "two largest shares 0 % would hide everything: 1 or more",
        ],
    );
    check(
        terms(12, 11, 45, 40),
        &[
            "the special threshold is never below the threshold: 12 or more",
            "the two largest shares are never below the largest one: 45 or more",
        ],
    );
    check(
        terms(0, u32::MAX, u32::MAX, 90),
        &[
            "threshold 0 is laxer than the floor: 8 or more",
            "special threshold 4294967295 would hide everything: 1000 or less",
            "largest share 4294967295 % is laxer than the floor: 50 or less",
            "the two largest shares are never below the largest one: 4294967295 or more",
        ],
    );
}

/// As long as what a node keeps of another's refusal.
#[test]
fn all_that_can_be_wrong_fits_a_refusal() {
    let worst = terms(0, 0, u32::MAX, u32::MAX);
    assert!(policy_fault_words(&worst.faults()).chars().count() < 270);
}

#[test]
fn what_is_not_given_stays_or_goes_along() {
    let before = terms(10, 12, 45, 85);
    let given = |threshold, special_threshold, largest_percent, two_largest_percent| {
        GivenTerms { threshold, special_threshold, largest_percent, two_largest_percent }.over(&before)
    };
    assert_eq!(given(None, None, None, None), before);
    assert_eq!(given(Some(11), None, Some(40), None), terms(11, 12, 40, 85));
    assert_eq!(given(Some(15), None, None, Some(30)), terms(15, 15, 30, 30));
    assert_eq!(given(Some(15), Some(12), Some(45), Some(30)), terms(15, 12, 45, 30), "what was given is left alone");
}

#[test]
fn the_floors_hold_where_no_other_policy_does() {
    let policies = Policies::default();
    assert_eq!(policies.in_force(quarter(0).span()), Policy::floor());
    assert_eq!(
        (policies.of_version(1), policies.of_version(0), policies.of_version(2)),
        (Some(Policy::floor()), None, None)
    );
    assert_eq!(policies.schedule(), [InForce { policy: Policy::floor(), first: None, last: None }]);
    assert_eq!((policies.latest(), policies.next_version()), (Policy::floor(), Some(2)));
    let floor = Policy::floor();
    let held = floor.terms();
    assert_eq!((floor.threshold(), held.threshold_for(false), held.threshold_for(true)), (8, 8, 10));
    let own = floor.tightened_by(&terms(12, 12, 50, 80));
    assert_eq!((own.version(), own.terms()), (1, terms(12, 12, 50, 80)));
}

#[test]
fn a_policy_that_can_never_stand_is_refused_with_everything_that_is_wrong() {
    let mut policies = Policies::default();
    let unsound = record(1, 4, terms(7, 10, 50, 91));
    let faults = policies.insert(unsound).unwrap_err();
    assert_eq!(policies.check(&unsound), Err(faults.clone()));
    assert_eq!(
        policy_fault_words(&faults),
        "threshold 7 is laxer than the floor: 8 or more; two largest shares 91 % is laxer than the floor: 90 or less; \
         version 1 is that of the floors; others count on from 2"
    );
    assert_eq!(policies, Policies::default());
}

#[test]
fn a_period_is_under_the_policy_that_has_begun_by_its_last_day() {
    let (second, third) = (record(2, 4, terms(10, 12, 45, 85)), record(3, 8, terms(12, 12, 45, 80)));
    let policies = policies(&[third, second]);
    let versions = |first: u32, last: u32| {
        policies.in_force(Span { first: quarter(first).first_day(), last: quarter(last).last_day() }).version()
    };
    assert_eq!((versions(3, 3), versions(4, 4), versions(7, 7), versions(8, 8), versions(40, 40)), (1, 2, 2, 3, 3));
    assert_eq!((versions(1, 4), versions(0, 40)), (2, 3), "a longer period by its end");
    let schedule: Vec<_> = policies.schedule().iter().map(|one| (one.policy.version(), one.first, one.last)).collect();
    assert_eq!(
        schedule,
        [(1, None, Some(quarter(3))), (2, Some(quarter(4)), Some(quarter(7))), (3, Some(quarter(8)), None)]
    );
    assert_eq!(policies.of_version(2), Some(second.policy()));
    assert_eq!((policies.check(&second), policies.check(&third)), (Ok(()), Ok(())));
}

#[test]
fn a_later_policy_may_begin_before_an_earlier_one_and_replaces_it() {
    let policies = policies(&[record(2, 8, terms(10, 12, 45, 85)), record(3, 4, terms(10, 12, 45, 80))]);
    assert_eq!(policies.in_force(quarter(4).span()).version(), 3);
    assert_eq!(policies.in_force(quarter(8).span()).version(), 3);
    assert_eq!(policies.schedule().len(), 2, "the floors and the later one");
    assert_eq!(policies.standing().len(), 2);
}

#[test]
fn a_laxer_policy_does_not_stand_and_the_next_is_measured_by_those_that_do() {
    let strict = record(2, 4, terms(10, 12, 45, 85));
    // Stricter in one term, laxer in two.
    let mixed = record(3, 8, terms(9, 12, 30, 90));
    let next = record(4, 12, terms(10, 12, 40, 85));
    let policies = policies(&[mixed, next, strict]);
    let faults = policies.check(&mixed).unwrap_err();
    assert_eq!(
        policy_fault_words(&faults),
        "threshold 9 is laxer than policy 2: 10 or more; two largest shares 90 % is laxer than policy 2: 85 or less"
    );
    assert_eq!(policies.in_force(quarter(8).span()), strict.policy(), "the earlier one goes on");
    assert_eq!((policies.of_version(3), policies.check(&next)), (None, Ok(())));
    assert_eq!((policies.latest(), policies.next_version()), (next.policy(), Some(5)));
}

#[test]
fn of_two_with_one_version_the_stricter_that_can_stand_does() {
    let before = record(2, 4, terms(10, 12, 45, 85));
    let lax = record(3, 8, terms(10, 12, 45, 80));
    let strict = record(3, 8, terms(11, 12, 45, 80));
    let cannot = record(3, 8, terms(20, 20, 45, 90));
    for order in [[before, lax, strict, cannot], [cannot, strict, lax, before]] {
        let policies = policies(&order);
        assert_eq!(policies.of_version(3), Some(strict.policy()));
        assert_eq!(policies.check(&lax), Err(vec![PolicyFault::VersionTaken { version: 3 }]));
        assert_eq!(policies.check(&cannot).unwrap_err()[0].term(), Some(Term::TwoLargestPercent));
    }
    let early = record(3, 7, strict.terms);
    assert_eq!(policies(&[before, strict, early]).in_force(quarter(7).span()).version(), 3, "then the earlier");
}

#[test]
fn what_would_be_wrong_with_the_next_policy_is_said_a_term_at_a_time() {
    let policies = policies(&[record(2, 4, terms(10, 12, 45, 85))]);
    let words = |terms| policy_fault_words(&policies.faults_of_next(&terms));
    assert_eq!(words(terms(10, 12, 45, 85)), "");
    assert_eq!(
        words(terms(7, 11, 46, 0)),
        "threshold 7 is laxer than policy 2: 10 or more; special threshold 11 is laxer than policy 2: 12 or more; \
         largest share 46 % is laxer than policy 2: 45 or less; two largest shares 0 % would hide everything: 1 or more"
    );
}

fn some_terms() -> impl Strategy<Value = Terms> {
    (8_u32..14, 0_u32..4, 40_u32..=50, 0_u32..41).prop_map(|(threshold, more, largest, more_percent)| {
        terms(threshold, (threshold + more).max(10), largest, (largest + more_percent).min(90))
    })
}

fn some_records() -> impl Strategy<Value = Vec<PolicyRecord>> {
    let one = (2_u32..8, 0_u32..24, some_terms()).prop_map(|(version, from, terms)| record(version, from, terms));
    proptest::collection::vec(one, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_of_arrival_never_matters(
        (records, shuffled) in some_records().prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle()))
    ) {
        let (one, other) = (policies(&records), policies(&shuffled));
        prop_assert_eq!(&one, &other);
        for record in &records {
            prop_assert_eq!(one.check(record), other.check(record));
        }
        // Nor how often something arrives.
        prop_assert_eq!(&policies(&[records, shuffled].concat()), &one);
    }

    #[test]
    fn terms_never_get_laxer_by_time_or_version(records in some_records()) {
        let policies = policies(&records);
        let mut before = Policy::floor();
        for at in 0..26 {
            let policy = policies.in_force(quarter(at).span());
            prop_assert_eq!(policy.terms().laxer_than(&before.terms()), vec![]);
            prop_assert!(policy.version() >= before.version());
            prop_assert_eq!(policies.of_version(policy.version()), Some(policy));
            let holds = |one: &&InForce| one.first.is_none_or(|first| first <= quarter(at))
                && one.last.is_none_or(|last| quarter(at) <= last);
            let schedule = policies.schedule();
            let scheduled: Vec<_> = schedule.iter().filter(holds).map(|one| one.policy).collect();
            prop_assert_eq!(scheduled, vec![policy]);
            before = policy;
        }
        for pair in policies.standing().windows(2) {
            prop_assert_eq!(pair[1].terms.laxer_than(&pair[0].terms), vec![]);
        }
    }

    #[test]
    fn a_policy_stands_exactly_where_nothing_is_wrong_with_it(records in some_records()) {
        let policies = policies(&records);
        let standing = policies.standing();
        for record in &records {
            prop_assert_eq!(policies.check(record).is_ok(), standing.contains(record));
        }
        let mut versions: Vec<u32> = standing.iter().map(|record| record.version).collect();
        versions.dedup();
        prop_assert_eq!(versions.len(), standing.len());
    }

    /// What the Academy makes one after the other stands, whichever of it a node has heard of.
    #[test]
    fn policies_made_in_turn_stand_with_any_of_them_missing(
        (all, some) in proptest::collection::vec((some_terms(), 0_u32..24), 1..8).prop_flat_map(|drafts| {
            let mut made = Policies::default();
            for (terms, from) in drafts {
                let terms = made.latest().terms().tightened(&terms);
                assert_eq!(made.faults_of_next(&terms), vec![]);
                let record = record(made.next_version().unwrap(), from, terms);
                assert_eq!(made.insert(record), Ok(true));
                assert_eq!(made.check(&record), Ok(()));
            }
            let all = made.standing();
            (Just(all.clone()), subsequence(all.clone(), 0..=all.len()))
        })
    ) {
        prop_assert_eq!(policies(&all).standing(), all);
        prop_assert_eq!(policies(&some).standing(), some);
    }

    #[test]
    fn tightening_is_the_least_that_is_no_laxer_than_both(one in some_terms(), other in some_terms()) {
        let tight = one.tightened(&other);
        prop_assert_eq!(tight, other.tightened(&one));
        prop_assert_eq!(tight.tightened(&one), tight);
        prop_assert!(tight.laxer_than(&one).is_empty() && tight.laxer_than(&other).is_empty());
        prop_assert_eq!(tight.faults(), vec![]);
    }
}
