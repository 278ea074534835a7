//! The objects of a document: its pages, and the part of the font that they need.

use super::font::{Letters, NAME, metrics};
use super::layout::{self, HEADER, LINE, MARGIN, PADDING, PAGE, Piece, SIZE, Sheet, VALUES};
use super::rows::Row;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, TextRenderingMode, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use std::io::Write as _;

const FONT: Name<'static> = Name(b"F");
const INFO: SystemInfo<'static> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// Size of the title.
const TITLE_SIZE: f32 = 15.0;
/// Size of the page's number.
const FOOT_SIZE: f32 = 8.0;
/// Where it stands.
const FOOT: f32 = 32.0;
/// From the upper edge of a line to where its letters stand, for text of the table.
const RISE: f32 = 9.5;

/// Numbers of the objects; pages and what is on them follow.
const CATALOG: i32 = 1;
const PAGES: i32 = 2;
const TYPE0: i32 = 3;
const CID: i32 = 4;
const DESCRIPTOR: i32 = 5;
const FONT_FILE: i32 = 6;
const TO_UNICODE: i32 = 7;
const TO_GLYPH: i32 = 8;
const DOCUMENT_INFO: i32 = 9;
const FIRST_PAGE: i32 = 10;

/// A document about one record; `None` when it would have more pages than there are numbers for.
pub(super) fn write(title: &str, id: &str, rows: &[Row]) -> Option<Vec<u8>> {
    let mut letters = Letters::default();
    let sheets = layout::sheets(rows, &mut letters);
    let count = i32::try_from(sheets.len()).ok()?;
    let title = format!("{title} {id}");
    let mut pdf = Pdf::new();
    pdf.catalog(Ref::new(CATALOG)).pages(Ref::new(PAGES));
    let numbered = || (0..count).map(|page| (Ref::new(FIRST_PAGE + 2 * page), Ref::new(FIRST_PAGE + 2 * page + 1)));
    pdf.pages(Ref::new(PAGES)).kids(numbered().map(|(page, _)| page)).count(count);
    for ((page_ref, content_ref), (number, sheet)) in numbered().zip((1..).zip(&sheets)) {
        let mut page = pdf.page(page_ref);
        page.media_box(Rect::new(0.0, 0.0, PAGE[0], PAGE[1])).parent(Ref::new(PAGES)).contents(content_ref);
        page.resources().fonts().pair(FONT, Ref::new(TYPE0));
        page.finish();
        let content = content(sheet, (&title, number, count), &mut letters);
        pdf.stream(content_ref, &packed(&content)?).filter(Filter::FlateDecode);
    }
    font(&mut pdf, &letters)?;
    pdf.document_info(Ref::new(DOCUMENT_INFO)).title(TextStr(&title)).producer(TextStr("Waybill"));
    Some(pdf.finish())
}

/// What is on a page.
fn content(sheet: &Sheet, (title, number, count): (&str, i32, i32), letters: &mut Letters) -> Vec<u8> {
    let mut content = Content::new();
    let (right, first) = (PAGE[0] - MARGIN, number == 1);
    let number = format!("Page {number} of {count}");
    let wide: f32 = number.chars().map(|c| letters.width(c)).sum();
    let mut text = |content: &mut Content, (x, y): (f32, f32), size: f32, text: &str| {
        let numbers: Vec<u8> = text.chars().flat_map(|c| letters.number(c).to_be_bytes()).collect();
        content.begin_text().set_font(FONT, size).next_line(x, y).show(Str(&numbers)).end_text();
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

/// The part of the font that the document needs.
fn font(pdf: &mut Pdf, letters: &Letters) -> Option<()> {
    let (subset, glyphs) = letters.subset()?;
    let name = Name(NAME.as_bytes());
    pdf.type0_font(Ref::new(TYPE0))
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(Ref::new(CID))
        .to_unicode(Ref::new(TO_UNICODE));
    let mut cid = pdf.cid_font(Ref::new(CID));
    cid.subtype(CidFontType::Type2).base_font(name).system_info(INFO).font_descriptor(Ref::new(DESCRIPTOR));
    cid.default_width(0.0).cid_to_gid_map_stream(Ref::new(TO_GLYPH));
    cid.widths().consecutive(0, letters.shapes().iter().map(|shape| shape.width));
    cid.finish();
    let metrics = metrics();
    let [left, low, right, high] = metrics.bounds;
    pdf.font_descriptor(Ref::new(DESCRIPTOR))
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, low, right, high))
        .italic_angle(0.0)
        .ascent(metrics.ascent)
        .descent(metrics.descent)
        .cap_height(metrics.cap_height)
        .stem_v(90.0)
        .font_file2(Ref::new(FONT_FILE));
    let length = i32::try_from(subset.len()).ok()?;
    pdf.stream(Ref::new(FONT_FILE), &packed(&subset)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    let mut unicode = UnicodeCmap::new(Name(b"Waybill"), INFO);
    for (number, shape) in (0_u16..).zip(letters.shapes()) {
        unicode.pair(number, shape.is);
    }
    pdf.stream(Ref::new(TO_UNICODE), &packed(&unicode.finish())?).filter(Filter::FlateDecode);
    let map: Vec<u8> = glyphs.iter().flat_map(|glyph| glyph.to_be_bytes()).collect();
    pdf.stream(Ref::new(TO_GLYPH), &packed(&map)?).filter(Filter::FlateDecode);
    Some(())
}

fn packed(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}
