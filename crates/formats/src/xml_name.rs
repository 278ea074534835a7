//! Names of XML elements that every reader takes.

use crate::xml::write_attribute;

/// An element's name, and the attribute that tells the property's where it is another.
#[derive(Clone, Debug, Default)]
pub(crate) struct ElementName {
    pub(crate) safe: String,
    pub(crate) attributes: Vec<u8>,
}

impl ElementName {
    /// The element of the property `name`.
    ///
    /// Characters that cannot stand in a name become `_`; a name that starts with what only may come later, or with
    /// `xml` in any case, gets a `_` in front. The property's own name is then the attribute `name`.
    pub(crate) fn of(name: &str) -> Self {
        let mut element = Self::default();
        element.set(name);
        element
    }

    /// Makes it the element of another property, with the same memory.
    pub(crate) fn set(&mut self, name: &str) {
        self.safe.clear();
        self.attributes.clear();
        let reserved = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"));
        if reserved || !name.starts_with(|c| c == '_' || is_letter(c)) {
            self.safe.push('_');
        }
        for c in name.chars() {
            let stays = is_letter(c) || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
            self.safe.push(if stays { c } else { '_' });
        }
        if self.safe != name {
            write_attribute("name", name, &mut self.attributes);
        }
    }
}

/// Whether a letter may start a name under both the fourth and the fifth edition of XML 1.0, for readers are of either;
/// the great alphabets, not all that have one.
fn is_letter(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z'
        | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ı' | 'Ĵ'..='ľ' | 'Ł'..='ň' | 'Ŋ'..='ž'
        | '\u{038E}'..='\u{03A1}' | '\u{03A3}'..='\u{03CE}'
        | '\u{0401}'..='\u{040C}' | '\u{040E}'..='\u{044F}' | '\u{0451}'..='\u{045C}' | '\u{045E}'..='\u{0481}'
        | '\u{05D0}'..='\u{05EA}' | '\u{0621}'..='\u{063A}' | '\u{0641}'..='\u{064A}'
        | '\u{3041}'..='\u{3094}' | '\u{30A1}'..='\u{30FA}'
        | '\u{4E00}'..='\u{9FA5}' | '\u{AC00}'..='\u{D7A3}')
}
