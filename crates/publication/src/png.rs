//! PNG: a chart's SVG, rendered with the fonts that the crate brings, so that it looks the same on every machine.

use std::sync::Arc;

use png::{BitDepth, ColorType, Encoder};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Options, Tree};

use crate::{Chart, PublicationError};

/// Pixels for each unit of the SVG.
const SCALE: f32 = 2.0;

/// A chart as a picture.
pub(crate) fn png(chart: &Chart) -> Result<Vec<u8>, PublicationError> {
    let drawing = |source| PublicationError::Drawing { chart: chart.name().to_owned(), source };
    let tree = Tree::from_str(&chart.svg(), &options()).map_err(drawing)?;
    let size = tree.size().to_int_size();
    let [width, height] = [size.width(), size.height()].map(|length| (length as f32 * SCALE).ceil() as u32);
    let too_large = || PublicationError::Size { chart: chart.name().to_owned(), width, height };
    let mut pixels = Pixmap::new(width, height).ok_or_else(too_large)?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    // The chart has an opaque ground, so that colours stand as they are.
    let colours: Vec<u8> =
        pixels.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    encode(chart, width, height, &colours)
        .map_err(|source| PublicationError::Encoding { chart: chart.name().to_owned(), source })
}

/// The file, and in its text chunks what a picture cannot say.
fn encode(chart: &Chart, width: u32, height: u32, colours: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    for (keyword, text) in [
        ("Title", chart.title().to_owned()),
        ("Description", chart.description()),
        ("Creation Time", chart.produced_at().to_owned()),
        ("Software", "folkmoot".to_owned()),
        ("Provenance", chart.provenance()),
    ] {
        encoder.add_itxt_chunk(keyword.to_owned(), text)?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(colours)?;
    writer.finish()?;
    Ok(bytes)
}

/// Fonts that the crate brings, and no others.
fn options() -> Options<'static> {
    let mut fonts = Database::new();
    for font in [notosans::REGULAR_TTF, notosans::BOLD_TTF] {
        fonts.load_font_source(Source::Binary(Arc::new(font)));
    }
    fonts.set_sans_serif_family("Noto Sans");
    Options { font_family: "Noto Sans".to_owned(), fontdb: Arc::new(fonts), ..Options::default() }
}
