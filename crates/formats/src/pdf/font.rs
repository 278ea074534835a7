//! The font that documents are set in: how wide its characters are, and the part of it that a document needs.
//!
//! Characters are numbered as they come up. So text that the font has no shape for still says what it is to whoever copies
//! it or reads it by a program, and shows an empty box.

use std::collections::HashMap;
use std::sync::LazyLock;
use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId};

/// `DejaVu` Sans, whole; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");
/// What a document calls its part of it.
pub(super) const NAME: &str = "WAYBIL+DejaVuSans";

static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(FONT, 0).ok());

/// What a document says about the font, in thousandths of its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metrics {
    pub(super) bounds: [f32; 4],
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) cap_height: f32,
}

/// A character of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) is: char,
    /// Its shape in the whole font; 0 where it has none.
    pub(super) glyph: u16,
    /// In thousandths of the font's size.
    pub(super) width: f32,
}

/// The characters that a document uses.
#[derive(Debug, Default)]
pub(super) struct Letters {
    numbers: HashMap<char, u16>,
    shapes: Vec<Shape>,
}

impl Letters {
    /// How wide a character is, in thousandths of the font's size.
    pub(super) fn width(&mut self, is: char) -> f32 {
        let number = usize::from(self.number(is));
        self.shapes.get(number).map_or(0.0, |shape| shape.width)
    }

    /// The number of a character in this document.
    pub(super) fn number(&mut self, is: char) -> u16 {
        if let Some(number) = self.numbers.get(&is) {
            return *number;
        }
        // More than 65 535 different characters: the rest look like, and are read as, the last.
        let Ok(number) = u16::try_from(self.shapes.len()) else { return u16::MAX };
        let face = FACE.as_ref();
        let glyph = face.and_then(|face| face.glyph_index(is)).map_or(0, |glyph| glyph.0);
        let advance = face.and_then(|face| face.glyph_hor_advance(GlyphId(glyph))).unwrap_or(0);
        self.shapes.push(Shape { is, glyph, width: scaled(advance.into()) });
        self.numbers.insert(is, number);
        number
    }

    pub(super) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The part of the font that shows them, and for each of them its shape in that part.
    pub(super) fn subset(&self) -> Option<(Vec<u8>, Vec<u16>)> {
        let mut remapper = GlyphRemapper::new();
        let glyphs = self.shapes.iter().map(|shape| remapper.remap(shape.glyph)).collect();
        Some((subsetter::subset(FONT, 0, &remapper).ok()?, glyphs))
    }
}

pub(super) fn metrics() -> Metrics {
    let Some(face) = FACE.as_ref() else {
        return Metrics { bounds: [0.0; 4], ascent: 0.0, descent: 0.0, cap_height: 0.0 };
    };
    let bounds = face.global_bounding_box();
    Metrics {
        bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(scaled_signed),
        ascent: scaled_signed(face.ascender()),
        descent: scaled_signed(face.descender()),
        cap_height: scaled_signed(face.capital_height().unwrap_or(0)),
    }
}

fn scaled_signed(units: i16) -> f32 {
    scaled(f32::from(units))
}

/// From the font's units to thousandths.
fn scaled(units: f32) -> f32 {
    let per_em = FACE.as_ref().map_or(1000, Face::units_per_em);
    units * 1000.0 / f32::from(per_em)
}
