//! SVG, element by element, from the top down.

use std::fmt::Write;

use super::{Chart, Shape, Shown};
use crate::markup::escape;
use crate::statistics::{Figure, LEAST_HUBS_COMPARED};

/// How wide every chart is.
pub(super) const WIDTH: f64 = 880.0;
/// What is left free at both sides.
pub(super) const MARGIN: f64 = 24.0;

/// Colours: each differs from its surroundings by a contrast of 4.5 or more for text, 3 or more for shapes, and none
/// carries a meaning that a shape or a word does not carry too.
pub(super) const INK: &str = "#1a1a1a";
pub(super) const QUIET: &str = "#595959";
pub(super) const GRID: &str = "#d9d9d9";
pub(super) const SOLID: &str = "#1d4f91";
pub(super) const PALE: &str = "#c5d6ec";

/// Which end of a text its place is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text's size and weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    size: f64,
    bold: bool,
    colour: &'static str,
}

pub(super) const TITLE: Type = Type { size: 20.0, bold: true, colour: INK };
pub(super) const LABEL: Type = Type { size: 13.0, bold: false, colour: INK };
pub(super) const VALUE: Type = Type { size: 12.0, bold: true, colour: INK };
pub(super) const SMALL: Type = Type { size: 12.0, bold: false, colour: QUIET };

impl Type {
    /// About how wide a text becomes. Fonts differ; this is on the wide side.
    pub(super) fn width(self, text: &str) -> f64 {
        text.chars().count() as f64 * self.size * if self.bold { 0.61 } else { 0.57 }
    }
}

/// A chart while it is drawn.
pub(super) struct Drawing {
    id: String,
    body: String,
    /// How far down it has been drawn.
    bottom: f64,
}

impl Drawing {
    pub(super) fn new(id: &str) -> Drawing {
        Drawing { id: id.to_owned(), body: String::new(), bottom: 0.0 }
    }

    pub(super) fn bottom(&self) -> f64 {
        self.bottom
    }

    pub(super) fn reach(&mut self, bottom: f64) {
        self.bottom = bottom;
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    pub(super) fn text(&mut self, x: f64, y: f64, style: Type, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if style.bold { r#" font-weight="bold""# } else { "" };
        self.element(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{}"{weight} fill="{}" text-anchor="{anchor}">{}</text>"#,
            style.size,
            style.colour,
            escape(text),
        ));
    }

    /// What is known: a filled shape.
    pub(super) fn solid(&mut self, x: f64, y: f64, width: f64, height: f64) {
        self.element(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{SOLID}"/>"#
        ));
    }

    /// Where a figure may lie: a pale shape with an outline.
    pub(super) fn range(&mut self, x: f64, y: f64, width: f64, height: f64) {
        self.element(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{PALE}" stroke="{SOLID}" stroke-width="1.5"/>"#
        ));
    }

    /// Where a hidden figure may lie: a hatched shape.
    pub(super) fn hatched(&mut self, x: f64, y: f64, width: f64, height: f64) {
        let id = escape(&self.id);
        self.element(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="url(#{id}-hatch)" stroke="{QUIET}" stroke-width="1"/>"#
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.element(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-width="{width}"/>"#,
            from.0, from.1, to.0, to.1,
        ));
    }

    /// Nothing to be drawn: a dotted line.
    pub(super) fn dotted(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.element(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{QUIET}" stroke-width="1.5" stroke-dasharray="1.5 5"/>"#,
            from.0, from.1, to.0, to.1,
        ));
    }

    /// A point: filled where the figure is exact, open where it is rounded.
    pub(super) fn point(&mut self, x: f64, y: f64, filled: bool) {
        let fill = if filled { SOLID } else { "#ffffff" };
        self.element(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="4.5" fill="{fill}" stroke="{SOLID}" stroke-width="2"/>"#
        ));
    }

    /// The tip of an arrow: what is drawn goes on.
    pub(super) fn arrow(&mut self, tip: (f64, f64), left: (f64, f64), right: (f64, f64)) {
        self.element(format_args!(
            r#"<polygon points="{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}" fill="{SOLID}"/>"#,
            tip.0, tip.1, left.0, left.1, right.0, right.1,
        ));
    }

    pub(super) fn heading(&mut self, title: &str, subtitle: &str) {
        let mut y = 14.0;
        for line in wrap(title, WIDTH - 2.0 * MARGIN, TITLE) {
            y += 24.0;
            self.text(MARGIN, y, TITLE, Anchor::Start, &line);
        }
        y += 2.0;
        for line in wrap(subtitle, WIDTH - 2.0 * MARGIN, LABEL) {
            y += 18.0;
            self.text(MARGIN, y, LABEL, Anchor::Start, &line);
        }
        self.bottom = y + 20.0;
    }

    /// What the shapes mean, of those that the chart has.
    pub(super) fn legend(&mut self, chart: &Chart) {
        let has = |test: fn(Shown) -> bool| chart.marks.iter().any(|mark| test(mark.shown));
        let mut y = self.bottom + 8.0;
        let width = WIDTH - 2.0 * MARGIN;
        let mut entries: Vec<(Swatch, String)> = Vec::new();
        if has(|shown| matches!(shown, Shown::Figure(Figure::Exact(_)))) {
            entries.push((Swatch::Exact, "exact figure".to_owned()));
        }
        if has(|shown| matches!(shown, Shown::Figure(Figure::Rounded { .. }))) {
            entries.push((Swatch::Rounded, "rounded figure, within its bounds".to_owned()));
        }
        if has(|shown| matches!(shown, Shown::Figure(Figure::Interval { .. }))) {
            entries.push((Swatch::Range, "from the least to the most that the figure can be".to_owned()));
        }
        if has(|shown| matches!(shown, Shown::Figure(Figure::Hidden { .. }))) {
            entries.push((
                Swatch::Hidden,
                "[c] hidden so that nobody can be singled out; hatched is where the figure can lie".to_owned(),
            ));
        }
        if has(|shown| matches!(shown, Shown::Figure(Figure::Unavailable))) {
            entries.push((Swatch::Nothing, "[x] not available: no release is held".to_owned()));
        }
        if has(|shown| matches!(shown, Shown::TooFewHubs(_))) {
            entries.push((
                Swatch::Nothing,
                format!("fewer than {LEAST_HUBS_COMPARED} hubs behind the figure: not compared"),
            ));
        }
        let mut x = MARGIN;
        for (swatch, words) in entries {
            let entry_width = 36.0 + SMALL.width(&words) + 18.0;
            if x > MARGIN && x + entry_width > MARGIN + width {
                x = MARGIN;
                y += 22.0;
            }
            self.swatch(chart.shape, swatch, x, y);
            self.text(x + 34.0, y + 4.0, SMALL, Anchor::Start, &words);
            x += entry_width;
        }
        self.bottom = y + 14.0;
    }

    /// A small example of a shape, its middle line at `y`.
    fn swatch(&mut self, shape: Shape, swatch: Swatch, x: f64, y: f64) {
        match (swatch, shape) {
            (Swatch::Exact, Shape::Trend) => self.point(x + 13.0, y, true),
            (Swatch::Exact, Shape::Bars) => self.solid(x, y - 6.0, 26.0, 12.0),
            (Swatch::Rounded, Shape::Trend) => self.point(x + 13.0, y, false),
            (Swatch::Rounded, Shape::Bars) => {
                self.solid(x, y - 6.0, 20.0, 12.0);
                self.whisker(x + 14.0, x + 26.0, y);
            }
            (Swatch::Range, Shape::Trend | Shape::Bars) => self.range(x, y - 6.0, 26.0, 12.0),
            (Swatch::Hidden, Shape::Trend | Shape::Bars) => self.hatched(x, y - 6.0, 26.0, 12.0),
            (Swatch::Nothing, Shape::Trend | Shape::Bars) => self.dotted((x, y), (x + 26.0, y)),
        }
    }

    /// The bounds of a rounded bar.
    pub(super) fn whisker(&mut self, from: f64, to: f64, y: f64) {
        self.line((from, y), (to, y), INK, 1.5);
        for x in [from, to] {
            self.line((x, y - 4.0), (x, y + 4.0), INK, 1.5);
        }
    }

    pub(super) fn notes(&mut self, notes: &[String]) {
        let mut y = self.bottom;
        for note in notes {
            for line in wrap(note, WIDTH - 2.0 * MARGIN, SMALL) {
                y += 17.0;
                self.text(MARGIN, y, SMALL, Anchor::Start, &line);
            }
        }
        self.bottom = y + 18.0;
    }

    /// The document.
    pub(super) fn finish(self, title: &str, description: &str, metadata: &str) -> String {
        let (id, title, description) = (escape(&self.id), escape(title), escape(description));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0}" viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-labelledby="{id}-title {id}-desc" font-family="sans-serif">
<title id="{id}-title">{title}</title>
<desc id="{id}-desc">{description}</desc>
{metadata}
<defs><pattern id="{id}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="7" height="7" fill="#ffffff"/><rect width="2.5" height="7" fill="{QUIET}"/></pattern></defs>
<rect width="{WIDTH}" height="{height:.0}" fill="#ffffff"/>
{body}</svg>
"##,
            height = self.bottom,
            body = self.body,
        )
    }
}

#[derive(Debug, Clone, Copy)]
enum Swatch {
    Exact,
    Rounded,
    Range,
    Hidden,
    Nothing,
}

/// A text in lines of at most a width, broken between words; a word that is longer has a line of its own.
pub(super) fn wrap(text: &str, width: f64, style: Type) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if style.width(line) + style.width(word) + style.width(" ") <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}
