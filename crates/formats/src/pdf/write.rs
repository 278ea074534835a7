//! The objects of a document: its pages, and the part of the font that they need.

use super::font::{Letters, metrics};
use super::layout::{self, HEADER, LINE, MARGIN, PADDING, PAGE, Piece, SIZE, Sheet, VALUES};
use super::rows::Row;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, TextRenderingMode, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use std::io::Write as _;

/// What pages call the fonts.
const FONTS: [Name<'static>; 2] = [Name(b"F"), Name(b"G")];
const INFO: SystemInfo<'static> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// Size of the title.
const TITLE_SIZE: f32 = 15.0;
/// Size of the page's number.
const FOOT_SIZE: f32 = 8.0;
/// Where it stands.
const FOOT: f32 = 32.0;
/// From the upper edge of a line to where its letters stand, for text of the table.
const RISE: f32 = 9.5;

/// Numbers of the objects; pages and what is on them follow, then the fonts.
const CATALOG: i32 = 1;
const PAGES: i32 = 2;
const DOCUMENT_INFO: i32 = 3;
const FIRST_PAGE: i32 = 4;
/// How many objects a font has.
const OF_FONT: i32 = 6;

/// A document about one record; `None` when it would have more pages than there are numbers for.
pub(super) fn write(title: &str, id: &str, rows: &[Row]) -> Option<Vec<u8>> {
    let mut letters = Letters::default();
    let sheets = layout::sheets(rows, &mut letters);
    let count = i32::try_from(sheets.len()).ok()?;
    let title = format!("{title} {id}");
    let contents = (1..).zip(&sheets).map(|(number, sheet)| content(sheet, (&title, number, count), &mut letters));
    let contents: Vec<Vec<u8>> = contents.collect();
    let first_font = FIRST_PAGE.checked_add(count.checked_mul(2)?)?;
    let mut fonts = Vec::new();
    for (index, number) in letters.fonts().zip((first_font..).step_by(usize::try_from(OF_FONT).ok()?)) {
        fonts.push((index, *FONTS.get(index)?, number));
    }
    let mut pdf = Pdf::new();
    pdf.catalog(Ref::new(CATALOG)).pages(Ref::new(PAGES));
    let numbered = || (0..count).map(|page| (Ref::new(FIRST_PAGE + 2 * page), Ref::new(FIRST_PAGE + 2 * page + 1)));
    pdf.pages(Ref::new(PAGES)).kids(numbered().map(|(page, _)| page)).count(count);
    pdf.document_info(Ref::new(DOCUMENT_INFO)).title(TextStr(&title)).producer(TextStr("Waybill"));
    for ((page_ref, content_ref), content) in numbered().zip(contents) {
        let mut page = pdf.page(page_ref);
        page.media_box(Rect::new(0.0, 0.0, PAGE[0], PAGE[1])).parent(Ref::new(PAGES)).contents(content_ref);
        page.resources().fonts().pairs(fonts.iter().map(|(_, name, number)| (*name, Ref::new(*number))));
        page.finish();
        pdf.stream(content_ref, &packed(&content)?).filter(Filter::FlateDecode);
    }
    for (index, _, number) in fonts {
        font(&mut pdf, &letters, index, number)?;
    }
    Some(pdf.finish())
}

/// What is on a page.
fn content(sheet: &Sheet, (title, number, count): (&str, i32, i32), letters: &mut Letters) -> Vec<u8> {
    let mut content = Content::new();
    let (right, first) = (PAGE[0] - MARGIN, number == 1);
    let number = format!("Page {number} of {count}");
    let wide: f32 = number.chars().map(|c| letters.width(c)).sum();
    let mut text = |content: &mut Content, (x, y): (f32, f32), size: f32, text: &str| {
        let numbers: Vec<u16> = text.chars().map(|c| letters.number(c)).collect();
        let font = |number: u16| letters.shape(number).map_or(0, |shape| shape.font);
        content.begin_text();
        for (at, run) in numbers.chunk_by(|left, right| font(*left) == font(*right)).enumerate() {
            let name = run.first().and_then(|first| FONTS.get(font(*first))).unwrap_or(&FONTS[0]);
            let run: Vec<u8> = run.iter().flat_map(|number| number.to_be_bytes()).collect();
            content.set_font(*name, size);
            if at == 0 {
                content.next_line(x, y);
            }
            content.show(Str(&run));
        }
        content.end_text();
    };
    if first {
        let cut: String = title.chars().take(60).collect();
        text(&mut content, (MARGIN, PAGE[1] - MARGIN - TITLE_SIZE), TITLE_SIZE, &cut);
    }
    let top = sheet.header_top;
    content.set_fill_gray(0.88).rect(MARGIN, top - HEADER, right - MARGIN, HEADER).fill_nonzero();
    content.set_fill_gray(0.0).set_stroke_gray(0.0).set_line_width(0.3);
    content.set_text_rendering_mode(TextRenderingMode::FillStroke);
    for (x, name) in [(MARGIN, "Property"), (VALUES, "Value")] {
        text(&mut content, (x + PADDING, top - PADDING - RISE), SIZE, name);
    }
    content.set_text_rendering_mode(TextRenderingMode::Fill);
    content.set_stroke_gray(0.75).set_line_width(0.5);
    for Piece { top, height, path, value } in &sheet.pieces {
        for (x, lines) in [(MARGIN, path), (VALUES, value)] {
            let mut y = top - PADDING - RISE;
            for line in lines {
                if !line.is_empty() {
                    text(&mut content, (x + PADDING, y), SIZE, line);
                }
                y -= LINE;
            }
        }
        content.move_to(MARGIN, top - height).line_to(right, top - height).stroke();
    }
    text(&mut content, (right - wide * FOOT_SIZE / 1000.0, FOOT), FOOT_SIZE, &number);
    content.finish().to_vec()
}

/// The part of a font that the document needs, as objects from `first` on.
fn font(pdf: &mut Pdf, letters: &Letters, index: usize, first: i32) -> Option<()> {
    let (subset, glyphs) = letters.subset(index)?;
    let metrics = metrics(index)?;
    let name = Name(metrics.name.as_bytes());
    let [type0, cid, descriptor, file, to_unicode, to_glyph] = [0, 1, 2, 3, 4, 5].map(|at| Ref::new(first + at));
    pdf.type0_font(type0)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(to_unicode);
    let mut cid = pdf.cid_font(cid);
    cid.subtype(CidFontType::Type2).base_font(name).system_info(INFO).font_descriptor(descriptor);
    cid.default_width(0.0).cid_to_gid_map_stream(to_glyph);
    cid.widths().consecutive(0, letters.shapes().iter().map(|shape| shape.width));
    cid.finish();
    let [left, low, right, high] = metrics.bounds;
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, low, right, high))
        .italic_angle(0.0)
        .ascent(metrics.ascent)
        .descent(metrics.descent)
        .cap_height(metrics.cap_height)
        .stem_v(90.0)
        .font_file2(file);
    let length = i32::try_from(subset.len()).ok()?;
    pdf.stream(file, &packed(&subset)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    let mut unicode = UnicodeCmap::new(Name(b"Waybill"), INFO);
    for (number, shape) in (0_u16..).zip(letters.shapes()) {
        unicode.pair(number, shape.is);
    }
    pdf.stream(to_unicode, &packed(&unicode.finish())?).filter(Filter::FlateDecode);
    let map: Vec<u8> = glyphs.iter().flat_map(|glyph| glyph.to_be_bytes()).collect();
    pdf.stream(to_glyph, &packed(&map)?).filter(Filter::FlateDecode);
    Some(())
}

fn packed(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}
