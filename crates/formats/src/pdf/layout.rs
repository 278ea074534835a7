//! Where things stand on pages: rows cut into lines, lines put on pages.

use super::font::Letters;
use super::rows::Row;

/// A4, in points.
pub(super) const PAGE: [f32; 2] = [595.0, 842.0];
/// What stays free at the sides.
pub(super) const MARGIN: f32 = 48.0;
/// Size of text in the table.
pub(super) const SIZE: f32 = 9.0;
/// From one line to the next.
pub(super) const LINE: f32 = 12.5;
/// Between a row's text and its lines.
pub(super) const PADDING: f32 = 4.0;
/// Where the values begin.
pub(super) const VALUES: f32 = MARGIN + 170.0;
/// Where the table ends, above the page's number.
const BOTTOM: f32 = 60.0;
/// Height of the title with what is free below it.
const TITLE: f32 = 40.0;
/// Height of the table's header.
pub(super) const HEADER: f32 = LINE + 2.0 * PADDING;

/// A row, or as much of it as is on one page.
#[derive(Debug)]
pub(super) struct Piece {
    /// Its upper edge.
    pub(super) top: f32,
    pub(super) height: f32,
    pub(super) path: Vec<String>,
    pub(super) value: Vec<String>,
}

/// A page.
#[derive(Debug)]
pub(super) struct Sheet {
    /// The upper edge of the table's header.
    pub(super) header_top: f32,
    pub(super) pieces: Vec<Piece>,
}

/// Puts rows on pages; there is always one.
pub(super) fn sheets(rows: &[Row], letters: &mut Letters) -> Vec<Sheet> {
    let first_top = PAGE[1] - MARGIN - TITLE;
    let mut sheet = Sheet { header_top: first_top, pieces: Vec::new() };
    let mut sheets = Vec::new();
    let mut top = first_top - HEADER;
    for row in rows {
        let mut path = lines(&row.path, VALUES - MARGIN - 2.0 * PADDING, letters);
        let mut value = lines(&row.value, PAGE[0] - MARGIN - VALUES - 2.0 * PADDING, letters);
        loop {
            let wanted = path.len().max(value.len());
            let room = fitting(top);
            // A row that fits on a page is not cut.
            let whole_page = fitting(PAGE[1] - MARGIN - HEADER);
            if room == 0 || (wanted > room && wanted <= whole_page && !sheet.pieces.is_empty()) {
                let next = Sheet { header_top: PAGE[1] - MARGIN, pieces: Vec::new() };
                top = next.header_top - HEADER;
                sheets.push(std::mem::replace(&mut sheet, next));
                continue;
            }
            let taken = wanted.min(room);
            let cut = |lines: &mut Vec<String>| lines.drain(..taken.min(lines.len())).collect();
            let height = height_of(taken);
            sheet.pieces.push(Piece { top, height, path: cut(&mut path), value: cut(&mut value) });
            top -= height;
            if wanted == taken {
                break;
            }
        }
    }
    sheets.push(sheet);
    sheets
}

/// How many lines fit between `top` and the end of the table.
fn fitting(top: f32) -> usize {
    let mut count = 0;
    while top - height_of(count + 1) >= BOTTOM {
        count += 1;
    }
    count
}

/// How high so many lines of a row are.
fn height_of(lines: usize) -> f32 {
    // A page holds fewer than a hundred.
    f32::from(u16::try_from(lines).unwrap_or(u16::MAX)) * LINE + 2.0 * PADDING
}

/// Cuts a text into lines that are at most `width` wide: at blanks where there are some, else anywhere.
pub(super) fn lines(text: &str, width: f32, letters: &mut Letters) -> Vec<String> {
    let most = width * 1000.0 / SIZE;
    let mut lines = Vec::new();
    for paragraph in text.split(['\n', '\u{85}', '\u{2028}', '\u{2029}']) {
        let mut line = String::new();
        let mut wide = 0.0;
        // Where the line could end: its bytes and width up to there.
        let mut blank: Option<(usize, f32)> = None;
        for c in paragraph.chars().filter(|c| *c != '\r').map(shown) {
            let more = letters.width(c);
            if wide + more > most && !line.is_empty() {
                let (end, ended) = blank.take().unwrap_or((line.len(), wide));
                let rest = line.split_off(end);
                lines.push(std::mem::replace(&mut line, rest));
                wide -= ended;
            }
            line.push(c);
            wide += more;
            if c == ' ' {
                blank = Some((line.len(), wide));
            }
        }
        lines.push(line);
    }
    lines
}

/// What stands for a character that has no place in a line.
fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}
