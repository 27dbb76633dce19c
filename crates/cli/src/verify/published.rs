//! The file of national figures in an export: what the Academy publishes, written in one way alone, and compared with what
//! the releases add up to.

use std::collections::BTreeMap;

use folkmoot_disclosure::{NationalFigure, Terms, add_up};
use folkmoot_domain::hub::HubKind;
use folkmoot_domain::indicator::{CellKey, Unit};
use folkmoot_journal::FederationId;
use folkmoot_journal::export::Examined;
use folkmoot_proto::academy::v1::{ExportedFigure, ExportedFigures};
use serde_json::{Value, json};

use super::finding::{Finding, of_figures};
use crate::figures;

/// The file's name.
pub(super) const FILE: &str = "figures.json";

/// What the releases add up to, by the period's code.
pub(super) type Sums = BTreeMap<String, BTreeMap<CellKey, NationalFigure>>;

/// The published figures of one period.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Period {
    code: String,
    figures: Vec<Published>,
}

/// One published figure, as its codes name it.
#[derive(Debug, PartialEq, Eq)]
struct Published {
    indicator: String,
    /// Empty for a headline, as is the category.
    dimension: String,
    category: String,
    figure: NationalFigure,
}

impl Period {
    pub(super) fn of_wire(wire: ExportedFigures) -> Period {
        let figure = |wire: ExportedFigure| Published {
            figure: NationalFigure {
                value: wire.value,
                low: wire.low,
                high: wire.high,
                hubs: wire.hubs,
                hubs_hidden: wire.hubs_hidden,
                hubs_rounded: wire.hubs_rounded,
            },
            indicator: wire.indicator,
            dimension: wire.dimension,
            category: wire.category,
        };
        Period { code: wire.period, figures: wire.figures.into_iter().map(figure).collect() }
    }
}

/// The bytes of the file.
pub(super) fn render(federation: FederationId, periods: &[Period]) -> String {
    let figure = |published: &Published| {
        let NationalFigure { value, low, high, hubs, hubs_hidden, hubs_rounded } = published.figure;
        json!({
            "indicator": published.indicator,
            "breakdown": figures::breakdown_json(&published.dimension, &published.category),
            "value": value,
            "low": low,
            "high": high,
            "hubs": hubs,
            "hubs_hidden": hubs_hidden,
            "hubs_rounded": hubs_rounded,
        })
    };
    let period = |period: &Period| json!({ "period": period.code, "figures": period.figures.iter().map(figure).collect::<Vec<_>>() });
    let document = json!({
        "federation": federation.to_string(),
        "periods": periods.iter().map(period).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn read(document: &Value) -> Option<Vec<Period>> {
    let figure = |value: &Value| {
        let number = |name: &str| value.get(name)?.as_u64();
        let small = |name: &str| u32::try_from(number(name)?).ok();
        let breakdown = value.get("breakdown")?;
        let of = |name: &str| match breakdown.is_null() {
            true => Some(String::new()),
            false => Some(breakdown.get(name)?.as_str()?.to_owned()),
        };
        Some(Published {
            indicator: value.get("indicator")?.as_str()?.to_owned(),
            dimension: of("dimension")?,
            category: of("category")?,
            figure: NationalFigure {
                value: number("value"),
                low: number("low")?,
                high: number("high"),
                hubs: small("hubs")?,
                hubs_hidden: small("hubs_hidden")?,
                hubs_rounded: small("hubs_rounded")?,
            },
        })
    };
    let period = |value: &Value| {
        let figures = value.get("figures")?.as_array()?.iter().map(figure).collect::<Option<_>>()?;
        Some(Period { code: value.get("period")?.as_str()?.to_owned(), figures })
    };
    document.get("periods")?.as_array()?.iter().map(period).collect()
}

/// Adds up anew every period of which a release counts: the latest revision of each hub, the charity's own node left out.
pub(super) fn sums(examined: &Examined) -> Sums {
    let mut by_period: BTreeMap<String, Vec<(&[_], Terms)>> = BTreeMap::new();
    for release in &examined.standing {
        let counted = by_period.entry(release.period.to_string()).or_default();
        match release.kind {
            HubKind::SocialActionHub => counted.push((release.cells.as_slice(), release.terms)),
            HubKind::National => {}
        }
    }
    by_period.into_iter().map(|(period, releases)| (period, add_up(releases))).collect()
}

/// Compares the file with what the releases add up to.
pub(super) fn compare(bytes: &[u8], federation: FederationId, sums: &Sums) -> Result<(), Box<Finding>> {
    let unreadable =
        |words: &str| of_figures("figures_unreadable", format!("the figures cannot be read: {words}"), None);
    let document: Value = serde_json::from_slice(bytes).map_err(|_| unreadable("it is no JSON"))?;
    let periods = read(&document).ok_or_else(|| unreadable("something is missing that every figure has"))?;
    for (code, figures) in sums {
        let whole =
            |words: &str| of_figures("figure_period", words.to_owned(), Some((code.clone(), "all figures".to_owned())));
        let published = periods.iter().find(|period| period.code == *code);
        let published =
            published.ok_or_else(|| whole("hubs have released the period, and nothing is published of it"))?;
        for (key, figure) in figures {
            let named = |published: &&Published| {
                (published.indicator.as_str(), published.dimension.as_str(), published.category.as_str())
                    == (key.indicator.code(), key.dimension_code(), key.category_code())
            };
            let found = published.figures.iter().find(named).map(|published| published.figure);
            if found != Some(*figure) {
                return Err(differs(code, *key, found, *figure));
            }
        }
        let known = |published: &&Published| {
            let key = CellKey::from_codes(&published.indicator, &published.dimension, &published.category);
            key.is_none_or(|key| !figures.contains_key(&key))
        };
        if let Some(unknown) = published.figures.iter().find(known) {
            let words = "it is published, and no release has it".to_owned();
            return Err(of_figures("figure_unknown", words, Some((code.clone(), unknown.indicator.clone()))));
        }
    }
    if let Some(period) = periods.iter().find(|period| !sums.contains_key(&period.code)) {
        let words = "figures are published of the period, and no release of it counts".to_owned();
        return Err(of_figures("figure_period", words, Some((period.code.clone(), "all figures".to_owned()))));
    }
    // Every figure is right; whatever else differs was changed by hand.
    let again = render(federation, &periods);
    match again.bytes().zip(bytes).position(|(one, other)| one != *other) {
        None if again.len() == bytes.len() => Ok(()),
        at => {
            let at = at.unwrap_or(again.len().min(bytes.len())) + 1;
            Err(unreadable(&format!("from byte {at} on it is not written as `folkmoot academy export` writes it")))
        }
    }
}

fn differs(period: &str, key: CellKey, published: Option<NationalFigure>, figure: NationalFigure) -> Box<Finding> {
    let unit = key.indicator.unit();
    let wrong = match published {
        None => format!("it is not published, and the releases give {}", words(figure, unit)),
        Some(published) => {
            let (said, given) = (words(published, unit), words(figure, unit));
            match said == given {
                false => format!("{said} is published, and the releases give {given}"),
                true => format!("{} is published, and the releases give {}", behind(published), behind(figure)),
            }
        }
    };
    of_figures("figure", wrong, Some((period.to_owned(), key.to_string())))
}

/// A figure as it is published.
fn words(figure: NationalFigure, unit: Unit) -> String {
    let amount = |value| figures::amount(unit.name(), value);
    match (figure.value, figure.low, figure.high) {
        (Some(value), low, high) if low == value && high == Some(value) => amount(value),
        (None, low, Some(high)) => format!("between {} and {}", amount(low), amount(high)),
        (None, low, None) => format!("at least {}", amount(low)),
        // No sum gives this: an exact figure that its own bounds are not.
        (Some(value), low, high) => {
            let high = high.map_or_else(|| "no bound".to_owned(), amount);
            format!("exactly {} between {} and {high}", amount(value), amount(low))
        }
    }
}

/// The hubs behind a figure.
fn behind(figure: NationalFigure) -> String {
    let NationalFigure { hubs, hubs_hidden, hubs_rounded, .. } = figure;
    let plural = if hubs == 1 { "hub" } else { "hubs" };
    format!("{hubs} {plural}, {hubs_hidden} hidden and {hubs_rounded} rounded")
}

#[cfg(test)]
mod tests {
    use folkmoot_disclosure::Figure;
    use folkmoot_domain::indicator::Indicator;

    use super::*;

    const FEDERATION: FederationId = FederationId([7; 32]);

    fn key() -> CellKey {
        CellKey::headline(Indicator::PeopleTrained)
    }

    /// Two periods, and what the Academy publishes of them.
    fn federation() -> (Sums, Vec<Period>) {
        let releases = [vec![(key(), Figure::Exact(20))], vec![(key(), Figure::Below(8))]];
        let whole = [("2018-Q3", &releases[..1]), ("2018-Q4", &releases[..])];
        let sums: Sums = whole
            .into_iter()
            .map(|(period, releases)| {
                let released = releases.iter().map(|cells| (cells.as_slice(), Terms::FLOOR));
                (period.to_owned(), add_up(released))
            })
            .collect();
        let published = sums.iter().map(|(code, figures)| {
            let figure = |(key, figure): (&CellKey, &NationalFigure)| Published {
                indicator: key.indicator.code().to_owned(),
                dimension: key.dimension_code().to_owned(),
                category: key.category_code().to_owned(),
                figure: *figure,
            };
            Period { code: code.clone(), figures: figures.iter().map(figure).collect() }
        });
        let published = published.collect();
        (sums, published)
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<Period>), code: &str, line: &[&str]) {
        let (sums, mut periods) = federation();
        change(&mut periods);
        let finding = compare(render(FEDERATION, &periods).as_bytes(), FEDERATION, &sums).expect_err("a finding");
        assert_eq!(finding.code, code, "{finding:?}");
        for words in line {
            assert!(finding.line().contains(words), "{}", finding.line());
        }
    }

    fn trained(period: &mut Period) -> &mut NationalFigure {
        let found = period.figures.iter_mut().find(|figure| figure.indicator == "people_trained");
        &mut found.expect("the figure").figure
    }

    #[test]
    fn honest_figures_fit() {
        let (sums, periods) = federation();
        assert_eq!(compare(render(FEDERATION, &periods).as_bytes(), FEDERATION, &sums), Ok(()));
    }

    #[test]
    fn a_changed_figure_is_named() {
        let line = ["People trained, 2018-Q3", "21 is published", "the releases give 20"];
        let larger = NationalFigure { value: Some(21), low: 21, high: Some(21), hubs: 1, ..NationalFigure::default() };
        check(|periods| *trained(&mut periods[0]) = larger, "figure", &line);
        check(
            |periods| trained(&mut periods[1]).high = Some(20),
            "figure",
            &["between 20 and 20 is published", "between 20 and 27"],
        );
        check(|periods| trained(&mut periods[1]).value = Some(20), "figure", &["exactly 20 between 20 and 27"]);
        check(
            |periods| trained(&mut periods[1]).hubs_hidden = 0,
            "figure",
            &["2 hubs, 0 hidden and 0 rounded is published", "2 hubs, 1 hidden"],
        );
    }

    #[test]
    fn nothing_can_be_left_out_or_added() {
        check(|periods| drop(periods.remove(0)), "figure_period", &["2018-Q3", "nothing is published"]);
        check(|periods| drop(periods[0].figures.remove(0)), "figure", &["it is not published"]);
        let added = || Period { code: "2019-Q1".to_owned(), figures: Vec::new() };
        check(|periods| periods.push(added()), "figure_period", &["2019-Q1", "no release of it counts"]);
        check(|periods| periods[0].figures[0].indicator = "joy".to_owned(), "figure", &["it is not published"]);
        let again = |periods: &mut Vec<Period>| {
            let figure = *trained(&mut periods[0]);
            let (indicator, none) = ("joy".to_owned(), String::new());
            periods[0].figures.push(Published { indicator, dimension: none.clone(), category: none, figure });
        };
        check(again, "figure_unknown", &["joy", "no release has it"]);
    }

    #[test]
    fn no_byte_of_the_figures_can_be_changed() {
        // A few figures, since every byte is a file to be read.
        let (mut sums, mut periods) = federation();
        let kept = |dimension: &str| ["", "gender"].contains(&dimension);
        sums.values_mut().for_each(|figures| figures.retain(|key, _| kept(key.dimension_code())));
        periods.iter_mut().for_each(|period| period.figures.retain(|figure| kept(&figure.dimension)));
        let honest = render(FEDERATION, &periods[1..]).into_bytes();
        sums.pop_first();
        for at in 0..honest.len() {
            let mut changed = honest.clone();
            changed[at] ^= 1 << (at % 7);
            assert!(compare(&changed, FEDERATION, &sums).is_err(), "byte {at}");
        }
        assert!(compare(&honest[..honest.len() - 1], FEDERATION, &sums).is_err());
        assert!(compare(&[&honest[..], b"\n"].concat(), FEDERATION, &sums).is_err());
    }
}
