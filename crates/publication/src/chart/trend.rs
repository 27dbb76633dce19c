//! Points from left to right, quarter by quarter. A line joins only what follows each other and is known.

use super::drawing::{Anchor, Drawing, GRID, INK, MARGIN, SMALL, SOLID, VALUE, WIDTH};
use super::scale::Scale;
use super::{Chart, Shown};
use crate::statistics::{Figure, LEAST_HUBS_COMPARED};

const HEIGHT: f64 = 270.0;

pub(super) fn draw(drawing: &mut Drawing, chart: &Chart) {
    let scale = Scale::of(&chart.marks, &chart.unit);
    let ticks = scale.ticks();
    let labels = ticks.iter().map(|(_, label)| SMALL.width(label)).fold(0.0, f64::max);
    let left = MARGIN + labels + 10.0;
    let (top, slot) = (drawing.bottom() + 12.0, (WIDTH - MARGIN - left) / chart.marks.len() as f64);
    let bottom = top + HEIGHT;
    for (value, label) in &ticks {
        let y = bottom - HEIGHT * scale.share(*value);
        drawing.line((left, y), (WIDTH - MARGIN, y), GRID, 1.0);
        drawing.text(left - 8.0, y + 4.0, SMALL, Anchor::End, label);
    }

    let at = |value: u64| bottom - HEIGHT * scale.share(value);
    let middle = |position: usize| left + slot * (position as f64 + 0.5);
    let known = |shown: Shown| match shown {
        Shown::Figure(figure) => figure.value(),
        Shown::TooFewHubs(_) => None,
    };
    for (position, pair) in chart.marks.windows(2).enumerate() {
        if let (Some(from), Some(to)) = (known(pair[0].shown), known(pair[1].shown)) {
            drawing.line((middle(position), at(from)), (middle(position + 1), at(to)), SOLID, 2.0);
        }
    }

    let values: Vec<String> = chart.marks.iter().map(|mark| mark.shown.in_short(&chart.unit)).collect();
    let too_few = format!("<{LEAST_HUBS_COMPARED}");
    let narrow = values.iter().any(|value| VALUE.width(value) > slot - 4.0);
    let every = (56.0 / slot).ceil().max(1.0) as usize;
    for (position, (mark, value)) in chart.marks.iter().zip(&values).enumerate() {
        let x = middle(position);
        let above = shape(drawing, mark.shown, (x, slot), (top, bottom), at);
        // Where there is no room for figures, the marks that stand for none are still named.
        let written = match mark.shown {
            Shown::Figure(Figure::Hidden { .. }) if narrow => "[c]",
            Shown::Figure(Figure::Unavailable) if narrow => "[x]",
            Shown::TooFewHubs(_) if narrow => &too_few,
            Shown::Figure(_) if narrow => "",
            Shown::Figure(_) | Shown::TooFewHubs(_) => value,
        };
        if !written.is_empty() {
            drawing.text(x, above, VALUE, Anchor::Middle, written);
        }
        if position % every == 0 {
            let (months, year) = mark.label.split_once(' ').unwrap_or((&mark.label, ""));
            drawing.text(x, bottom + 18.0, SMALL, Anchor::Middle, months);
            drawing.text(x, bottom + 33.0, SMALL, Anchor::Middle, year);
        }
    }
    drawing.line((left, bottom), (WIDTH - MARGIN, bottom), INK, 1.5);
    drawing.reach(bottom + 52.0);
}

/// Draws one quarter; gives where a text above it may stand.
fn shape(
    drawing: &mut Drawing,
    shown: Shown,
    (x, slot): (f64, f64),
    (top, bottom): (f64, f64),
    at: impl Fn(u64) -> f64,
) -> f64 {
    let width = (slot * 0.5).clamp(6.0, 26.0);
    match shown {
        Shown::Figure(Figure::Exact(value)) => {
            drawing.point(x, at(value), true);
            at(value) - 10.0
        }
        Shown::Figure(Figure::Rounded { value, low, high }) => {
            drawing.line((x, at(low)), (x, at(high)), INK, 1.5);
            drawing.point(x, at(value), false);
            at(high).min(at(value)) - 10.0
        }
        Shown::Figure(Figure::Interval { low, high }) => {
            let upper = high.map_or(top, &at);
            drawing.range(x - width / 2.0, upper, width, (at(low) - upper).max(3.0));
            if high.is_none() {
                drawing.arrow((x, top - 8.0), (x - 7.0, top), (x + 7.0, top));
                return top - 12.0;
            }
            upper - 6.0
        }
        Shown::Figure(Figure::Hidden { low, high }) => {
            let lower = at(low);
            let upper = high.map_or(top, &at).min(lower - 8.0);
            drawing.hatched(x - width / 2.0, upper, width, lower - upper);
            upper - 6.0
        }
        Shown::Figure(Figure::Unavailable) | Shown::TooFewHubs(_) => {
            drawing.dotted((x, top + 20.0), (x, bottom - 24.0));
            bottom - 8.0
        }
    }
}
