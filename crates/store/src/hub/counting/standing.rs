//! Whether frozen facts stand. To let late records in for one person would show that person to whoever holds the figures
//! from before and after; so they wait until there are as many as hide each other.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_disclosure::Terms;
use folkmoot_domain::indicator::Indicator;

use super::tally::{Seen, differs};
use super::{Frozen, Stretch, Walk};
use crate::error::StoreError;
use crate::hub::facts::{Attributes, Fact, Facts, Family, Id, Repeats};

/// What was decided of all quarters of a family.
pub(super) struct Decided {
    pub(super) standing: BTreeSet<i32>,
    pub(super) thawed: BTreeMap<i32, BTreeSet<Indicator>>,
    pub(super) waiting: BTreeMap<i32, BTreeSet<Id>>,
    /// People of standing quarters who are in other categories there than the records now have them in, or are erased:
    /// they are in those everywhere.
    pub(super) pinned: BTreeMap<Id, Attributes>,
    /// People who are gone from the records.
    pub(super) erased: BTreeSet<Id>,
}

/// By which the listenings to anonymous people who had been heard before are told among those who wait.
const REPEATS: Id = [0xff; 16];

/// Says of each frozen quarter whether it stands. It begins with the most that could give way, and takes back what too
/// few people changed in; whoever is in a quarter that stands is in the categories of that quarter everywhere, so that
/// with each that stands fewer people have changed in the others.
pub(super) fn decide(
    family: Family,
    current: &BTreeMap<i32, Facts>,
    frozen: &Frozen,
    released: &[Stretch],
    is_erased: impl Fn(&Id) -> Result<bool, StoreError>,
) -> Result<Decided, StoreError> {
    let nothing = Facts::default();
    let quarters: BTreeSet<i32> = current.keys().chain(frozen.others.keys()).chain(&frozen.same).copied().collect();
    let mut comparison = Comparison {
        family,
        quarters: quarters
            .iter()
            .map(|quarter| {
                let now = current.get(quarter).unwrap_or(&nothing);
                let same = frozen.same.contains(quarter);
                let was = if same { Some(now) } else { frozen.others.get(quarter) };
                Quarter { index: *quarter, now, was, same, stands: same }
            })
            .collect(),
        periods: released.to_vec(),
        erased: BTreeSet::new(),
    };
    comparison.find_erased(is_erased)?;
    loop {
        let changed = comparison.changed();
        let few = |counts: &Counts| counts.values().any(|people| *people < u64::from(Terms::FLOOR.threshold));
        let mut again = false;
        for (stretch, counts) in changed {
            let is_quarter = stretch.first == stretch.last;
            if few(&counts) || (is_quarter && counts.is_empty()) {
                for quarter in comparison.quarters.iter_mut().filter(|it| stretch.holds(it.index) && it.gives_way()) {
                    quarter.stands = true;
                    again = true;
                }
            }
        }
        if !again {
            break;
        }
    }
    let changed = comparison.changed();
    let thawed = comparison.quarters.iter().filter(|quarter| quarter.gives_way()).map(|quarter| {
        let alone = Stretch { first: quarter.index, last: quarter.index };
        (quarter.index, changed.get(&alone).map(|counts| counts.keys().copied().collect()).unwrap_or_default())
    });
    Ok(Decided {
        standing: comparison.quarters.iter().filter(|it| it.stands).map(|it| it.index).collect(),
        thawed: thawed.collect(),
        waiting: comparison.waiting(),
        pinned: comparison.pinned(),
        erased: comparison.erased,
    })
}

/// How many people changed, by indicator; none is 0.
type Counts = BTreeMap<Indicator, u64>;

struct Quarter<'a> {
    index: i32,
    now: &'a Facts,
    /// As it was frozen.
    was: Option<&'a Facts>,
    same: bool,
    stands: bool,
}

impl Quarter<'_> {
    /// Whether its frozen facts would be replaced.
    fn gives_way(&self) -> bool {
        self.was.is_some() && !self.stands
    }

    fn differs(&self) -> bool {
        self.was.is_some() && !self.same
    }
}

struct Comparison<'a> {
    family: Family,
    /// In order.
    quarters: Vec<Quarter<'a>>,
    /// The longer periods that were released.
    periods: Vec<Stretch>,
    erased: BTreeSet<Id>,
}

/// What is known of one person: by the place of a quarter.
#[derive(Default)]
struct Sides<'a> {
    now: Vec<(usize, Fact<'a>)>,
    was: Vec<(usize, Fact<'a>)>,
}

impl<'a> Comparison<'a> {
    /// Goes through everybody, with what each quarter has now and had when it was frozen.
    fn each(&self, mut look: impl FnMut(&Id, &Sides<'a>) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let count = self.quarters.len();
        let frozen: Vec<usize> = (0..count).filter(|at| self.quarters[*at].was.is_some()).collect();
        let was = frozen.iter().filter_map(|at| self.quarters[*at].was);
        let mut walk = Walk::new(self.quarters.iter().map(|quarter| quarter.now).chain(was));
        let (mut found, mut sides) = (Vec::new(), Sides::default());
        while let Some(id) = walk.next(&mut found) {
            sides.now.clear();
            sides.was.clear();
            for (list, fact) in &found {
                match list.checked_sub(count) {
                    None => sides.now.push((*list, *fact)),
                    Some(list) => sides.was.push((frozen[list], *fact)),
                }
            }
            look(&id, &sides)?;
        }
        Ok(())
    }

    fn find_erased(&mut self, is_erased: impl Fn(&Id) -> Result<bool, StoreError>) -> Result<(), StoreError> {
        if !self.quarters.iter().any(Quarter::differs) {
            return Ok(());
        }
        let mut erased = BTreeSet::new();
        self.each(|id, sides| {
            if sides.now.is_empty() && is_erased(id)? {
                erased.insert(*id);
            }
            Ok(())
        })?;
        self.erased = erased;
        Ok(())
    }

    /// The quarters that would give way, and the released periods with any of these: how many people changed there.
    fn changed(&self) -> BTreeMap<Stretch, Counts> {
        let alone = |quarter: &Quarter<'_>| Stretch { first: quarter.index, last: quarter.index };
        let giving: Vec<Stretch> = self.quarters.iter().filter(|it| it.gives_way()).map(alone).collect();
        let longer = self.periods.iter().filter(|period| giving.iter().any(|it| period.holds(it.first))).copied();
        let mut changed: BTreeMap<Stretch, Counts> =
            giving.iter().copied().chain(longer).map(|stretch| (stretch, Counts::new())).collect();
        if giving.is_empty() {
            return changed;
        }
        // Nothing in it can fail.
        let _ = self.each(|id, sides| {
            if self.erased.contains(id) || !self.is_changed(sides) {
                return Ok(());
            }
            for (stretch, counts) in &mut changed {
                let (was, is) = self.views(sides, *stretch);
                for indicator in self.family.indicators() {
                    if differs(*indicator, was.as_ref(), is.as_ref()) {
                        *counts.entry(*indicator).or_default() += 1;
                    }
                }
            }
            Ok(())
        });
        for (stretch, counts) in &mut changed {
            if let Some(sum) = self.family.sum().filter(|_| self.repeats_differ(*stretch)) {
                *counts.entry(sum).or_default() += 1;
            }
        }
        changed
    }

    /// The quick way to see that somebody is the same in all that would give way.
    fn is_changed(&self, sides: &Sides<'_>) -> bool {
        let attributes = self.attributes(sides);
        let gives_way = |(at, _): &&(usize, Fact<'_>)| self.quarters[*at].gives_way();
        let mut was = sides.was.iter().filter(gives_way);
        let mut is = sides.now.iter().filter(gives_way);
        loop {
            match (was.next(), is.next()) {
                (None, None) => return false,
                (Some((at, was)), Some((same, is))) if at == same => {
                    let is = Fact { attributes: attributes.unwrap_or(is.attributes), ..*is };
                    if *was != is {
                        return true;
                    }
                }
                (Some(_), _) | (None, Some(_)) => return true,
            }
        }
    }

    /// The categories that somebody is in by a quarter that stands.
    fn attributes(&self, sides: &Sides<'_>) -> Option<Attributes> {
        let standing = sides.was.iter().find(|(at, _)| self.quarters[*at].stands);
        standing.map(|(_, fact)| fact.attributes)
    }

    /// Somebody in a period as it was counted, and as it would be.
    fn views(&self, sides: &Sides<'a>, stretch: Stretch) -> (Option<Seen>, Option<Seen>) {
        let within = |at: usize| stretch.holds(self.quarters[at].index);
        let by_quarter = |(at, fact): (usize, Fact<'a>)| (self.quarters[at].index, fact);
        let (mut was, mut is) = (Vec::new(), Vec::new());
        for (at, fact) in &sides.was {
            if within(*at) {
                was.push(by_quarter((*at, *fact)));
                if self.quarters[*at].stands {
                    is.push(by_quarter((*at, *fact)));
                }
            }
        }
        for (at, fact) in &sides.now {
            if within(*at) && !self.quarters[*at].stands {
                is.push(by_quarter((*at, *fact)));
                if self.quarters[*at].was.is_none() {
                    was.push(by_quarter((*at, *fact)));
                }
            }
        }
        was.sort_by_key(|(quarter, _)| *quarter);
        is.sort_by_key(|(quarter, _)| *quarter);
        let pinned = self.attributes(sides);
        // Frozen facts outside of the period say nothing of what was counted in it.
        let before = sides.was.iter().find(|(at, _)| within(*at)).map(|(_, fact)| fact.attributes);
        let now = pinned.or_else(|| sides.now.first().map(|(_, fact)| fact.attributes));
        let unknown = Attributes::UNKNOWN;
        (
            Seen::of(pinned.or(before).or(now).unwrap_or(unknown), was.into_iter()),
            Seen::of(now.or(before).unwrap_or(unknown), is.into_iter()),
        )
    }

    fn repeats_differ(&self, stretch: Stretch) -> bool {
        let (mut was, mut is) = (Repeats::default(), Repeats::default());
        for quarter in self.quarters.iter().filter(|quarter| stretch.holds(quarter.index)) {
            let before = quarter.was.unwrap_or(quarter.now);
            was = was.and(&before.repeats);
            is = is.and(if quarter.stands { &before.repeats } else { &quarter.now.repeats });
        }
        was != is
    }

    /// Whose facts differ from those that stand.
    fn waiting(&self) -> BTreeMap<i32, BTreeSet<Id>> {
        let mut waiting: BTreeMap<i32, BTreeSet<Id>> = BTreeMap::new();
        let late: Vec<usize> =
            (0..self.quarters.len()).filter(|at| self.quarters[*at].stands && self.quarters[*at].differs()).collect();
        if late.is_empty() {
            return waiting;
        }
        // Nothing in it can fail.
        let _ = self.each(|id, sides| {
            if self.erased.contains(id) {
                return Ok(());
            }
            for at in &late {
                let of = |side: &[(usize, Fact<'a>)]| side.iter().find(|(of, _)| of == at).map(|(_, fact)| *fact);
                let (was, now) = (of(&sides.was), of(&sides.now));
                if was != now {
                    let index = self.quarters[*at].index;
                    let seen = |fact: Option<Fact<'a>>| {
                        fact.and_then(|fact| Seen::of(fact.attributes, std::iter::once((index, fact))))
                    };
                    let (was, now) = (seen(was), seen(now));
                    if self.family.indicators().iter().any(|it| differs(*it, was.as_ref(), now.as_ref())) {
                        waiting.entry(index).or_default().insert(*id);
                    }
                }
            }
            Ok(())
        });
        for at in late {
            let quarter = &self.quarters[at];
            if quarter.was.is_some_and(|was| was.repeats != quarter.now.repeats) {
                waiting.entry(quarter.index).or_default().insert(REPEATS);
            }
        }
        waiting
    }

    fn pinned(&self) -> BTreeMap<Id, Attributes> {
        let mut pinned = BTreeMap::new();
        if !self.quarters.iter().any(|quarter| quarter.stands && quarter.differs()) {
            return pinned;
        }
        // Nothing in it can fail.
        let _ = self.each(|id, sides| {
            if let Some(attributes) = self.attributes(sides)
                && (self.erased.contains(id) || sides.now.iter().any(|(_, fact)| fact.attributes != attributes))
            {
                pinned.insert(*id, attributes);
            }
            Ok(())
        });
        pinned
    }
}
