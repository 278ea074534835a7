//! The fonts that documents are set in: how wide their characters are, and the parts of them that a document needs.
//!
//! Characters are numbered as they come up, in all fonts alike. So text that no font has a shape for still says what it is to
//! whoever copies it or reads it by a program, and shows an empty box.

use std::collections::HashMap;
use std::sync::LazyLock;
use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId};

/// A font, whole; its licence lies beside it.
struct Font {
    /// What a document calls its part of it.
    name: &'static str,
    file: &'static [u8],
}

/// In the order in which they are asked for a character's shape; the first has what everything needs.
const FONTS: [Font; 2] = [
    Font { name: "WAYBIL+DejaVuSans", file: include_bytes!("../../fonts/DejaVuSans.ttf") },
    // Of Chinese, Japanese and Korean.
    Font { name: "WAYBIL+DroidSansFallback", file: include_bytes!("../../fonts/DroidSansFallbackFull.ttf") },
];

static FACES: LazyLock<[Option<Face<'static>>; FONTS.len()]> =
    LazyLock::new(|| FONTS.each_ref().map(|font| Face::parse(font.file, 0).ok()));

/// What a document says about a font, in thousandths of its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metrics {
    pub(super) name: &'static str,
    pub(super) bounds: [f32; 4],
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) cap_height: f32,
}

/// A character of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) is: char,
    /// The font that has a shape for it; the first where none has.
    pub(super) font: usize,
    /// Its shape in the whole font; 0 where it has none.
    glyph: u16,
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
        let number = self.number(is);
        self.shape(number).map_or(0.0, |shape| shape.width)
    }

    /// The number of a character in this document.
    pub(super) fn number(&mut self, is: char) -> u16 {
        if let Some(number) = self.numbers.get(&is) {
            return *number;
        }
        // More than 65 535 different characters: the rest look like, and are read as, the last.
        let Ok(number) = u16::try_from(self.shapes.len()) else { return u16::MAX };
        let faces = FACES.iter().enumerate().filter_map(|(font, face)| Some((font, face.as_ref()?)));
        let found =
            faces.filter_map(|(font, face)| Some((font, face.glyph_index(is)?.0))).find(|(_, glyph)| *glyph != 0);
        let (font, glyph) = found.unwrap_or_default();
        let face = FACES.get(font).and_then(Option::as_ref);
        let advance = face.and_then(|face| face.glyph_hor_advance(GlyphId(glyph))).unwrap_or(0);
        self.shapes.push(Shape { is, font, glyph, width: scaled(face, advance.into()) });
        self.numbers.insert(is, number);
        number
    }

    /// The character of that number.
    pub(super) fn shape(&self, number: u16) -> Option<&Shape> {
        self.shapes.get(usize::from(number))
    }

    pub(super) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The fonts up to the last one that has a character of this document.
    pub(super) fn fonts(&self) -> std::ops::RangeInclusive<usize> {
        0..=self.shapes.iter().map(|shape| shape.font).max().unwrap_or(0)
    }

    /// The part of a font that shows those characters that it has, and for each character its shape in that part.
    pub(super) fn subset(&self, font: usize) -> Option<(Vec<u8>, Vec<u16>)> {
        let mut remapper = GlyphRemapper::new();
        let own = |shape: &Shape| if shape.font == font { shape.glyph } else { 0 };
        let glyphs = self.shapes.iter().map(|shape| remapper.remap(own(shape))).collect();
        Some((subsetter::subset(FONTS.get(font)?.file, 0, &remapper).ok()?, glyphs))
    }
}

pub(super) fn metrics(font: usize) -> Option<Metrics> {
    let face = FACES.get(font)?.as_ref();
    let signed = |units: i16| scaled(face, f32::from(units));
    let bounds = face?.global_bounding_box();
    Some(Metrics {
        name: FONTS.get(font)?.name,
        bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(signed),
        ascent: signed(face?.ascender()),
        descent: signed(face?.descender()),
        cap_height: signed(face?.capital_height().unwrap_or(0)),
    })
}

/// From a font's units to thousandths.
fn scaled(face: Option<&Face<'_>>, units: f32) -> f32 {
    let per_em = face.map_or(1000, Face::units_per_em);
    units * 1000.0 / f32::from(per_em)
}
