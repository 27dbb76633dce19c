//! Bars from left to right: by hub, by region, by category.

use super::drawing::{Anchor, Drawing, GRID, INK, LABEL, MARGIN, SMALL, VALUE, WIDTH, wrap};
use super::scale::Scale;
use super::{Chart, Shown};
use crate::statistics::Figure;

/// The most that labels may take of the width.
const MOST_FOR_LABELS: f64 = 290.0;

pub(super) fn draw(drawing: &mut Drawing, chart: &Chart) {
    let scale = Scale::of(&chart.marks, &chart.unit);
    let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(60.0, f64::max);
    let labels = widest(&mut chart.marks.iter().map(|mark| LABEL.width(&mark.label))).min(MOST_FOR_LABELS);
    let values: Vec<String> = chart.marks.iter().map(|mark| mark.shown.in_short(&chart.unit)).collect();
    let for_values = widest(&mut values.iter().map(|value| VALUE.width(value)));
    let left = MARGIN + labels + 12.0;
    let width = WIDTH - MARGIN - for_values - 14.0 - left;
    let top = drawing.bottom() + 6.0;

    let rows: Vec<Vec<String>> = chart.marks.iter().map(|mark| wrap(&mark.label, labels, LABEL)).collect();
    let height_of = |lines: &Vec<String>| (lines.len() as f64 * 16.0 + 12.0).max(30.0);
    let bottom = top + rows.iter().map(height_of).sum::<f64>();
    // Each tick needs room for its number.
    let ticks = scale.ticks();
    let room = width / ticks.len() as f64;
    let every = if ticks.iter().any(|(_, label)| SMALL.width(label) > room - 8.0) { 2 } else { 1 };
    for (position, (value, label)) in ticks.iter().enumerate() {
        let x = left + width * scale.share(*value);
        drawing.line((x, top), (x, bottom), GRID, 1.0);
        if position % every == 0 {
            drawing.text(x, bottom + 17.0, SMALL, Anchor::Middle, label);
        }
    }

    let mut y = top;
    for ((mark, lines), value) in chart.marks.iter().zip(&rows).zip(&values) {
        let height = height_of(lines);
        let middle = y + height / 2.0;
        let first = middle + 4.5 - (lines.len() as f64 - 1.0) * 8.0;
        for (position, line) in lines.iter().enumerate() {
            drawing.text(left - 10.0, first + position as f64 * 16.0, LABEL, Anchor::End, line);
        }
        bar(drawing, &scale, mark.shown, (left, width), middle);
        drawing.text(WIDTH - MARGIN, middle + 4.5, VALUE, Anchor::End, value);
        y += height;
    }
    drawing.line((left, top), (left, bottom), INK, 1.5);
    drawing.reach(bottom + 36.0);
}

/// One bar, its middle line at `y`.
fn bar(drawing: &mut Drawing, scale: &Scale, shown: Shown, (left, width): (f64, f64), y: f64) {
    let at = |value: u64| left + width * scale.share(value);
    let end = left + width;
    match shown {
        Shown::Figure(Figure::Exact(value)) => drawing.solid(left, y - 9.0, at(value) - left, 18.0),
        Shown::Figure(Figure::Rounded { value, low, high }) => {
            drawing.solid(left, y - 9.0, at(value) - left, 18.0);
            drawing.whisker(at(low), at(high), y);
        }
        Shown::Figure(Figure::Interval { low, high }) => {
            drawing.solid(left, y - 9.0, at(low) - left, 18.0);
            drawing.range(at(low), y - 9.0, high.map_or(end, at) - at(low), 18.0);
            if high.is_none() {
                drawing.arrow((end + 8.0, y), (end, y - 7.0), (end, y + 7.0));
            }
        }
        Shown::Figure(Figure::Hidden { low, high }) => {
            let width = (high.map_or(end, at) - at(low)).max(10.0);
            drawing.hatched(at(low), y - 9.0, width, 18.0);
        }
        Shown::Figure(Figure::Unavailable) | Shown::TooFewHubs(_) => drawing.dotted((left + 6.0, y), (end, y)),
    }
}
