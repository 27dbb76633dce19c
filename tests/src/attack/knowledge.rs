//! What somebody knows of a hub who holds its releases and knows the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use folkmoot_disclosure::{Figure, Terms};
use folkmoot_domain::indicator::{AgeBand, Aggregation, Category, CellKey, Class, Dimension, Indicator};

use super::facts::Family;
use super::search::{FAR, Known, Sum};

/// The cells of one release.
#[derive(Clone, Debug)]
pub struct Published {
    /// The quarters that it counts.
    pub quarters: RangeInclusive<i32>,
    /// The terms that it was made under.
    pub terms: Terms,
    /// What it says.
    pub cells: BTreeMap<CellKey, Figure>,
    /// Whether it keeps to rules 2 and 3, so that what is withheld tells of what is not.
    pub by_the_rules: bool,
    /// Totals that are withheld although few people are counted: nobody can tell, but who takes them for many is led astray.
    pub unmarked: BTreeSet<Indicator>,
    /// The least and the most of each cell, where something else than these rules made it.
    bounds: BTreeMap<CellKey, (i64, i64)>,
}

impl Published {
    /// A release of these rules.
    pub fn new(
        quarters: RangeInclusive<i32>,
        terms: Terms,
        cells: BTreeMap<CellKey, Figure>,
        unmarked: BTreeSet<Indicator>,
    ) -> Self {
        Published { quarters, terms, cells, by_the_rules: true, unmarked, bounds: BTreeMap::new() }
    }

    /// What something else said: nothing can be told from it beyond the bounds.
    pub fn by_bounds(quarters: RangeInclusive<i32>, terms: Terms, bounds: BTreeMap<CellKey, (i64, i64)>) -> Self {
        Published { quarters, terms, cells: BTreeMap::new(), by_the_rules: false, unmarked: BTreeSet::new(), bounds }
    }
}

/// A period by its first and last quarter.
pub type Stretch = (i32, i32);

/// All that is known of one family of indicators.
pub struct Knowledge {
    /// The numbers, and what ties them together.
    pub known: Known,
    /// The periods.
    pub stretches: Vec<Stretch>,
    /// The cells.
    pub cells: Vec<CellKey>,
    at: BTreeMap<(Stretch, CellKey), usize>,
    /// Numbers that are differences of two others. They tell nothing new, but let the search see it sooner.
    differences: Vec<(usize, usize)>,
}

impl Knowledge {
    /// What releases tell of a family over periods; `wards` are those that may be.
    pub fn new(family: Family, stretches: Vec<Stretch>, wards: &BTreeSet<Category>, published: &[Published]) -> Self {
        let cells = Indicator::ALL.into_iter().filter(|it| Family::of(*it) == Some(family));
        let mut cells: Vec<CellKey> = cells.flat_map(CellKey::of).collect();
        if family == Family::Listening {
            cells.extend(wards.iter().map(|ward| CellKey::category(Indicator::PeopleListenedTo, *ward)));
        }
        let mut knowledge =
            Knowledge { known: Known::default(), stretches, cells, at: BTreeMap::new(), differences: Vec::new() };
        for stretch in knowledge.stretches.clone() {
            for cell in knowledge.cells.clone() {
                knowledge.at.insert((stretch, cell), knowledge.known.number(0, FAR));
            }
        }
        for stretch in knowledge.stretches.clone() {
            knowledge.within_a_period(stretch);
        }
        knowledge.between_periods();
        knowledge.differ();
        for release in published {
            knowledge.release(release);
        }
        knowledge
    }

    /// The number of a cell in a period.
    pub fn at(&self, stretch: Stretch, cell: CellKey) -> Option<usize> {
        self.at.get(&(stretch, cell)).copied()
    }

    /// Every number, where those of cells are given.
    pub fn complete(&self, mut numbers: Vec<i64>) -> Vec<i64> {
        for (more, less) in &self.differences {
            numbers.push(numbers[*more] - numbers[*less]);
        }
        numbers
    }

    /// The periods that lie in a period, itself excepted.
    pub fn inside(&self, (first, last): Stretch) -> Vec<Stretch> {
        let inside = |it: &&Stretch| it.0 >= first && it.1 <= last && **it != (first, last);
        self.stretches.iter().filter(inside).copied().collect()
    }

    fn add(&mut self, terms: impl IntoIterator<Item = (Stretch, CellKey, i64)>, least: i64, most: i64) {
        let sum: Sum =
            terms.into_iter().filter_map(|(stretch, cell, times)| Some((self.at(stretch, cell)?, times))).collect();
        self.known.row(sum, least, most);
    }

    fn parts(&self, indicator: Indicator, dimension: Dimension) -> Vec<CellKey> {
        let of = |cell: &&CellKey| cell.indicator == indicator && cell.dimension() == Some(dimension);
        self.cells.iter().filter(of).copied().collect()
    }

    fn indicators(&self) -> Vec<Indicator> {
        self.cells.iter().filter(|cell| cell.category.is_none()).map(|cell| cell.indicator).collect()
    }

    fn within_a_period(&mut self, p: Stretch) {
        for indicator in self.indicators() {
            let headline = CellKey::headline(indicator);
            for dimension in indicator.dimensions() {
                let parts = self.parts(indicator, *dimension);
                if dimension.is_additive() {
                    let all = parts.iter().map(|part| (p, *part, 1)).chain([(p, headline, -1)]);
                    self.add(all.collect::<Vec<_>>(), 0, 0);
                } else {
                    for part in parts {
                        self.add([(p, part, 1), (p, headline, -1)], -FAR, 0);
                    }
                }
            }
        }
        for cell in self.cells.clone() {
            match cell.indicator {
                Indicator::TrainingMinutes | Indicator::Listenings => {
                    // Everybody is heard once or more, and what somebody was heard beyond once on a theme, that they
                    // were heard beyond once.
                    let Class::PeopleSum { behind } = cell.indicator.class() else { continue };
                    let people = CellKey { indicator: behind, ..cell };
                    self.add([(p, cell, 1), (p, people, -1)], 0, FAR);
                    if cell.category.is_some() {
                        let (all, everybody) = (CellKey::headline(cell.indicator), CellKey::headline(behind));
                        self.add([(p, all, 1), (p, everybody, -1), (p, cell, -1), (p, people, 1)], 0, FAR);
                    }
                }
                Indicator::YoungPeopleTrained => {
                    let all = CellKey { indicator: Indicator::PeopleTrained, ..cell };
                    self.add([(p, all, 1), (p, cell, -1)], 0, FAR);
                }
                Indicator::PeopleTrained
                | Indicator::TrainingSessions
                | Indicator::TrainersQualityAssured
                | Indicator::PeopleListenedTo
                | Indicator::ListeningCampaignsReportedBack
                | Indicator::PeopleMobilised
                | Indicator::ActionsHeld
                | Indicator::CommunityProjectsSupported
                | Indicator::FundingLeveragedPence
                | Indicator::OrganisationsSignedUp
                | Indicator::CampaignReach
                | Indicator::AsksWon => {}
            }
        }
        let young = [AgeBand::Under18, AgeBand::From18To24]
            .map(|band| (p, CellKey::category(Indicator::PeopleTrained, Category::AgeBand(band)), 1));
        let young = young.into_iter().chain([(p, CellKey::headline(Indicator::YoungPeopleTrained), -1)]);
        if self.at(p, CellKey::headline(Indicator::YoungPeopleTrained)).is_some() {
            self.add(young, 0, 0);
        }
    }

    fn between_periods(&mut self) {
        for long in self.stretches.clone() {
            let covers = self.covers(long);
            for cell in self.cells.clone() {
                let distinct = cell.indicator.aggregation() == Aggregation::Distinct;
                for cover in &covers {
                    let parts = cover.iter().map(|part| (*part, cell, 1)).chain([(long, cell, -1)]);
                    self.add(parts.collect::<Vec<_>>(), 0, if distinct { FAR } else { 0 });
                }
                if distinct {
                    for part in self.inside(long) {
                        self.part_of(part, long, cell);
                    }
                }
            }
            self.older(long, &covers);
        }
        self.crossing();
    }

    /// Whoever is counted in a part is counted in the whole, in the same category, except that in the whole they may be
    /// younger.
    fn part_of(&mut self, part: Stretch, long: Stretch, cell: CellKey) {
        let Some(Category::AgeBand(band)) = cell.category else {
            self.add([(long, cell, 1), (part, cell, -1)], 0, FAR);
            return;
        };
        let starts_together = part.0 == long.0;
        let within_a_year = long.0.div_euclid(4) == part.1.div_euclid(4);
        if starts_together || within_a_year || band == AgeBand::Unknown {
            self.add([(long, cell, 1), (part, cell, -1)], 0, FAR);
        }
        let no_older = self.parts(cell.indicator, Dimension::AgeBand).into_iter().filter(|other| {
            matches!(other.category, Some(Category::AgeBand(other)) if other <= band && other != AgeBand::Unknown)
        });
        if band != AgeBand::Unknown {
            let terms: Vec<_> = no_older.flat_map(|other| [(long, other, 1), (part, other, -1)]).collect();
            self.add(terms, 0, FAR);
        }
    }

    /// Whoever was trained and is not young in a period is not young where they were first seen in it either.
    fn older(&mut self, long: Stretch, covers: &[Vec<Stretch>]) {
        for young in self.cells.clone().into_iter().filter(|it| it.indicator == Indicator::YoungPeopleTrained) {
            let all = CellKey { indicator: Indicator::PeopleTrained, ..young };
            let older = |p: Stretch, times: i64| [(p, all, times), (p, young, -times)];
            for cover in covers {
                let terms: Vec<_> = cover.iter().flat_map(|part| older(*part, 1)).chain(older(long, -1)).collect();
                self.add(terms, 0, FAR);
            }
            for part in self.inside(long).into_iter().filter(|part| part.0 == long.0) {
                self.add(older(long, 1).into_iter().chain(older(part, -1)).collect::<Vec<_>>(), 0, FAR);
            }
        }
    }

    /// Those in one figure and not in one within it are people too, each in one category.
    fn differ(&mut self) {
        let mut pairs: Vec<(Vec<CellKey>, Stretch, Stretch, Option<Indicator>)> = Vec::new();
        for indicator in self.indicators() {
            let cells: Vec<CellKey> = self.cells.iter().copied().filter(|it| it.indicator == indicator).collect();
            if indicator == Indicator::YoungPeopleTrained {
                pairs.extend(self.stretches.iter().map(|p| (cells.clone(), *p, *p, Some(Indicator::PeopleTrained))));
            }
            if indicator.aggregation() == Aggregation::Distinct {
                for long in &self.stretches {
                    pairs.extend(self.inside(*long).into_iter().map(|part| (cells.clone(), *long, part, None)));
                }
            }
        }
        for (cells, long, part, of) in pairs {
            let mut headline = None;
            let mut parts: BTreeMap<Dimension, Vec<usize>> = BTreeMap::new();
            for cell in cells.into_iter().filter(|cell| cell.dimension() != Some(Dimension::AgeBand)) {
                let whole = CellKey { indicator: of.unwrap_or(cell.indicator), ..cell };
                let (Some(more), Some(less)) = (self.at(long, whole), self.at(part, cell)) else { continue };
                let number = self.known.number(0, FAR);
                self.differences.push((more, less));
                self.known.row([(more, 1), (less, -1), (number, -1)], 0, 0);
                match cell.dimension() {
                    None => headline = Some(number),
                    Some(dimension) if dimension.is_additive() => parts.entry(dimension).or_default().push(number),
                    Some(_) => {}
                }
            }
            for numbers in parts.into_values() {
                let all = numbers.into_iter().map(|number| (number, 1)).chain(headline.map(|it| (it, -1)));
                self.known.row(all.collect::<Vec<_>>(), 0, 0);
            }
        }
    }

    /// Of two periods that overlap: whoever is in both is counted twice, whoever is in either once or more.
    fn crossing(&mut self) {
        for one in self.stretches.clone() {
            for other in self.stretches.clone() {
                if !(one.0 < other.0 && other.0 <= one.1 && one.1 < other.1) {
                    continue;
                }
                let (either, both) = ((one.0, other.1), (other.0, one.1));
                let all = |it: &Stretch, of: Stretch| it.0 >= of.0 && it.1 <= of.1;
                for whole in self.stretches.clone() {
                    if !all(&whole, either) || all(&whole, one) || all(&whole, other) {
                        continue;
                    }
                    for common in self.stretches.clone().into_iter().filter(|it| all(it, both)) {
                        for cell in self.cells.clone() {
                            if cell.indicator.aggregation() == Aggregation::Distinct
                                && cell.dimension() != Some(Dimension::AgeBand)
                            {
                                self.add(
                                    [(one, cell, 1), (other, cell, 1), (whole, cell, -1), (common, cell, -1)],
                                    0,
                                    FAR,
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// The ways to part a period into others, those left out of which another is coarser.
    fn covers(&self, long: Stretch) -> Vec<Vec<Stretch>> {
        let inside = self.inside(long);
        let mut found: Vec<Vec<Stretch>> = Vec::new();
        let mut open = vec![(long.0, Vec::new())];
        while let Some((from, parts)) = open.pop() {
            if from > long.1 {
                found.push(parts);
                continue;
            }
            for part in inside.iter().filter(|part| part.0 == from) {
                let mut longer: Vec<Stretch> = parts.clone();
                longer.push(*part);
                open.push((part.1 + 1, longer));
            }
        }
        let ends = |cover: &Vec<Stretch>| cover.iter().map(|part| part.1).collect::<BTreeSet<i32>>();
        let all: Vec<BTreeSet<i32>> = found.iter().map(ends).collect();
        found.retain(|cover| {
            let ends = ends(cover);
            !all.iter().any(|other| *other != ends && other.is_subset(&ends))
        });
        found
    }

    fn release(&mut self, release: &Published) {
        let p = (*release.quarters.start(), *release.quarters.end());
        for (cell, (least, most)) in &release.bounds {
            if let Some(at) = self.at(p, *cell) {
                let bounds = &mut self.known.bounds[at];
                *bounds = (bounds.0.max(*least), bounds.1.min(*most));
            }
        }
        if !release.bounds.is_empty() {
            return;
        }
        for indicator in self.indicators() {
            let headline = CellKey::headline(indicator);
            let of_headline = release.cells.get(&headline).copied().unwrap_or(Figure::Withheld);
            self.figure(p, headline, of_headline, release, false);
            for dimension in indicator.dimensions() {
                let parts = self.parts(indicator, *dimension);
                let figure = |part: &CellKey| release.cells.get(part).copied();
                let shown = |part: &&CellKey| matches!(figure(part), Some(Figure::Rounded(_) | Figure::Exact(_)));
                let all_withheld = parts.iter().all(|part| matches!(figure(part), None | Some(Figure::Withheld)));
                for part in &parts {
                    let of_part = figure(part).unwrap_or(if all_withheld {
                        Figure::Withheld
                    } else {
                        // Wards that are not listed where others are.
                        Figure::Below(release.terms.threshold)
                    });
                    self.figure(p, *part, of_part, release, all_withheld);
                }
                if all_withheld || !release.by_the_rules {
                    continue;
                }
                let zero = of_headline == Figure::Exact(0);
                for part in &parts {
                    // Were everybody in one part, none would be shown.
                    if !zero {
                        self.add([(p, headline, 1), (p, *part, -1)], 1, FAR);
                    }
                    if dimension.is_additive() && figure(part) == Some(Figure::Withheld) {
                        // What is hidden beside the small are the smallest, of equals the first.
                        for larger in parts.iter().filter(shown) {
                            self.add([(p, *larger, 1), (p, *part, -1)], i64::from(larger < part), FAR);
                        }
                    }
                }
            }
        }
    }

    fn figure(&mut self, p: Stretch, cell: CellKey, figure: Figure, release: &Published, all_withheld: bool) {
        let special = cell.dimension().is_some_and(Dimension::is_special);
        let threshold = i64::from(if special { release.terms.special_threshold } else { release.terms.threshold });
        let whole = |value: u64| i64::try_from(value).expect("a figure");
        let people = matches!(cell.indicator.class(), Class::People);
        let unmarked = cell.category.is_none() && release.unmarked.contains(&cell.indicator);
        let (least, most) = match figure {
            Figure::Exact(value) => (whole(value), whole(value)),
            Figure::Rounded(value) if people => ((whole(value) - 2).max(threshold), whole(value) + 2),
            Figure::Rounded(value) => ((whole(value) - 2).max(0), whole(value) + 2),
            Figure::Below(below) => (0, i64::from(below) - 1),
            // A figure of few people would say so.
            Figure::Withheld if people && !all_withheld && release.by_the_rules && !unmarked => (threshold, FAR),
            Figure::Withheld => (0, FAR),
        };
        let Some(at) = self.at(p, cell) else { return };
        let bounds = &mut self.known.bounds[at];
        *bounds = (bounds.0.max(least), bounds.1.min(most));
        // Enough people stand behind a sum that is shown.
        if let (Class::PeopleSum { behind }, Figure::Exact(1..) | Figure::Rounded(_)) = (cell.indicator.class(), figure)
            && release.by_the_rules
            && let Some(people) = self.at(p, CellKey { indicator: behind, ..cell })
        {
            let bounds = &mut self.known.bounds[people];
            bounds.0 = bounds.0.max(threshold);
        }
    }
}
