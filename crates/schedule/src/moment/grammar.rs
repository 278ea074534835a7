//! The formats of PHP as patterns: of all that begin at a place the longest is taken, of equally long ones the first.

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::sync::LazyLock;

/// What a piece of text is; named as the manual of PHP and its parser, timelib, name the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yesterday,
    Now,
    Noon,
    Midnight,
    Tomorrow,
    Timestamp,
    EndOfMonth,
    BackOf,
    FrontOf,
    WeekdayOf,
    Time12,
    Time12Fraction,
    Time24,
    FourDigits,
    SixDigits,
    MonthDaySlash,
    YearMonthDay,
    YearMonth,
    DayMonthYear,
    MonthYear,
    YearMonthName,
    MonthDay,
    DayMonth,
    DateTime,
    YearAndDay,
    Week,
    CommonLog,
    Year,
    Ago,
    Weekday,
    WordWeek,
    Word,
    Month,
    Zone,
    MonthDayTime12,
    MonthDayTime24,
    Number,
    Gap,
}

const MERIDIAN: &str = r"[AaPp]\.?[Mm]\.?[\x00\t ]";
const HOUR24: &str = "(?:[01]?[0-9]|2[0-4])";
const HOUR24_LZ: &str = "(?:[01][0-9]|2[0-4])";
const HOUR12: &str = "(?:0?[1-9]|1[0-2])";
const MINUTE: &str = "[0-5]?[0-9]";
const MINUTE_LZ: &str = "[0-5][0-9]";
const SECOND: &str = "(?:[0-5]?[0-9]|60)";
const SECOND_LZ: &str = "(?:[0-5][0-9]|60)";
const SPACE: &str = r"(?:[ \t]+|(?:\xC2\xA0)+|(?:\xE2\x80\xAF)+)";
const MONTH: &str = "(?:0?[0-9]|1[0-2])";
const MONTH_LZ: &str = "(?:0[0-9]|1[0-2])";
const DAY: &str = "(?:(?:[0-2]?[0-9]|3[01])(?:st|nd|rd|th)?)";
const DAY_LZ: &str = "(?:[0-2][0-9]|3[01])";
const YEAR: &str = "[0-9]{1,4}";
const YEAR4: &str = "[0-9]{4}";
const MONTH_SHORT: &str = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)";
const MONTH_LONG: &str = "(?i:january|february|march|april|may|june|july|august|september|october|november|december)";
const DAY_NAME: &str = "(?i:(?:sun|mon|tues|wednes|thurs|fri|satur)days?|sun|mon|tue|wed|thu|fri|sat)";
const ORDINAL: &str =
    "(?i:first|second|third|fourth|fifth|sixth|seventh|eighth?|ninth|tenth|eleventh|twelfth|next|last|previous|this)";
const WORD: &str = "(?i:next|last|previous|this)";

/// The formats in the order of precedence.
fn formats() -> Vec<(Format, String)> {
    let month_name = format!("(?:{MONTH_LONG}|{MONTH_SHORT}|I|II|III|IV|V|VI|VII|VIII|IX|X|XI|XII)");
    let correction = format!(
        "(?:(?:GMT)?[+-](?:{HOUR24}(?::?{MINUTE})?|{HOUR24_LZ}{MINUTE_LZ}{SECOND_LZ}|{HOUR24_LZ}:{MINUTE_LZ}:{SECOND_LZ}))"
    );
    let zone = r"(?:\(?[A-Za-z]{1,6}\)?|[A-Z][a-z]+(?:[_/-][A-Za-z]+)+)";
    let unit = format!(
        r"(?:(?i:ms|\xC2\xB5s|(?:msec|millisecond|\xC2\xB5sec|microsecond|usec|sec|second|min|minute|hour|day|fortnight|forthnight|month|year)s?|weeks|weekdays?)|{DAY_NAME})"
    );
    let time12 = format!("{HOUR12}(?:[:.]{MINUTE_LZ}|[:.]{MINUTE}[:.]{SECOND_LZ})");
    let time24_short = format!("(?i:t?){HOUR24}[:.]{MINUTE}");
    let time24 = format!("(?:{time24_short}|{time24_short}[:.]{SECOND}|{time24_short}[:.]{SECOND}\\.[0-9]+)");
    let time24_zone = format!("{time24_short}[:.]{SECOND_LZ}{SPACE}?(?:{correction}|{zone})");
    let joint = r"[ .\t-]*";
    let month_day = format!(r"{month_name}{joint}{DAY}(?:[,.stndrh\t ]+|\x00)");
    let date4 = format!("{YEAR4}-{MONTH_LZ}-{DAY_LZ}");
    let clock_lz = format!("{HOUR24_LZ}:{MINUTE_LZ}:{SECOND_LZ}");
    let day_of_year = "(?:00[1-9]|0[1-9][0-9]|[12][0-9][0-9]|3[0-5][0-9]|36[0-6])";
    let week = format!("{YEAR4}-?W(?:0[1-9]|[1-4][0-9]|5[0-3])");
    vec![
        (Format::Yesterday, "(?i:yesterday)".to_owned()),
        (Format::Now, "(?i:now)".to_owned()),
        (Format::Noon, "(?i:noon)".to_owned()),
        (Format::Midnight, "(?i:midnight|today)".to_owned()),
        (Format::Tomorrow, "(?i:tomorrow)".to_owned()),
        (Format::Timestamp, r"@-?[0-9]+(?:\.[0-9]{0,6})?".to_owned()),
        (Format::EndOfMonth, "(?i:first day of|last day of)".to_owned()),
        (Format::BackOf, format!("(?i:back of ){HOUR24}(?:{SPACE}?{MERIDIAN})?")),
        (Format::FrontOf, format!("(?i:front of ){HOUR24}(?:{SPACE}?{MERIDIAN})?")),
        (Format::WeekdayOf, format!("{ORDINAL}{SPACE}{DAY_NAME}{SPACE}(?i:of)")),
        (Format::Time12, format!("(?:{HOUR12}|{time12}){SPACE}?{MERIDIAN}")),
        (Format::Time12Fraction, format!("{HOUR12}:{MINUTE_LZ}:{SECOND_LZ}[:.][0-9]+{MERIDIAN}")),
        (Format::Time24, format!("(?i:t){HOUR24}|{time24}")),
        (Format::FourDigits, format!("(?i:t?){HOUR24_LZ}{MINUTE_LZ}")),
        (Format::SixDigits, format!("(?i:t?){HOUR24_LZ}{MINUTE_LZ}{SECOND_LZ}")),
        (Format::MonthDaySlash, format!("{MONTH}/{DAY}(?:/{YEAR})?")),
        (
            Format::YearMonthDay,
            format!(
                "[+-]?{date4}|{YEAR4}/{MONTH_LZ}/{DAY_LZ}/?|{YEAR4}/{MONTH}/{DAY}|[+-][0-9]{{5,19}}-{MONTH_LZ}-{DAY_LZ}"
            ),
        ),
        (Format::YearMonthDay, format!("[0-9]{{2}}-{MONTH_LZ}-{DAY_LZ}")),
        (Format::YearMonth, format!("{YEAR4}-{MONTH}")),
        (Format::YearMonthDay, format!("{YEAR}-{MONTH}-{DAY}")),
        (Format::DayMonthYear, format!("{DAY}{joint}{month_name}{joint}{YEAR}")),
        (Format::DayMonthYear, format!(r"{DAY}[.\t-]{MONTH}[.-]{YEAR4}|{DAY}[.\t]{MONTH}\.[0-9]{{2}}")),
        (Format::MonthYear, format!("{month_name}{joint}{YEAR4}")),
        (Format::YearMonthName, format!("{YEAR4}{joint}{month_name}")),
        (Format::MonthDay, format!(r"{month_name}{joint}{DAY}[,.stndrh\t ]+{YEAR}|{month_day}")),
        (Format::DayMonth, format!("{DAY}{joint}{month_name}")),
        (Format::YearMonthDay, format!("{YEAR4}{MONTH_LZ}{DAY_LZ}")),
        (
            Format::DateTime,
            format!(
                "{YEAR4}{MONTH_LZ}{DAY_LZ}T{HOUR24}:{MINUTE_LZ}:{SECOND_LZ}|{YEAR4}{MONTH_LZ}{DAY_LZ}(?i:t){HOUR24}{MINUTE_LZ}{SECOND_LZ}|{date4}T{clock_lz}\\.[0-9]+{correction}?|{YEAR4}-{MONTH}-{DAY}T{HOUR24}:{MINUTE}:{SECOND}|{YEAR4}:{MONTH_LZ}:{DAY_LZ} {clock_lz}"
            ),
        ),
        (Format::YearAndDay, format!("{YEAR4}[.-]?{day_of_year}")),
        (Format::Week, format!("{week}(?:-?[0-7])?")),
        (Format::MonthDay, format!("{MONTH_SHORT}-{DAY_LZ}-{YEAR}")),
        (Format::YearMonthName, format!("{YEAR}-{MONTH_SHORT}-{DAY_LZ}")),
        (Format::CommonLog, format!("{DAY}/{MONTH_SHORT}/{YEAR4}:{clock_lz}{SPACE}{correction}")),
        (Format::Year, YEAR4.to_owned()),
        (Format::Ago, "(?i:ago)".to_owned()),
        (Format::Weekday, format!("(?:{DAY_NAME}|(?i:weekdays?))")),
        (Format::WordWeek, format!("{WORD}{SPACE}(?i:week)")),
        (Format::Word, format!("{ORDINAL}{SPACE}{unit}")),
        (Format::Month, format!("{MONTH_LONG}|{MONTH_SHORT}")),
        (Format::Zone, format!("{correction}|{zone}")),
        (Format::MonthDayTime12, format!("{month_day}{time12}{SPACE}?{MERIDIAN}")),
        (
            Format::MonthDayTime24,
            format!("{month_day}{time24_short}|{month_day}{time24_short}[:.]{SECOND}|{month_day}{time24_zone}"),
        ),
        (Format::Number, format!(r"[+-]*[ \t]*[0-9]{{1,13}}{SPACE}?(?:{unit}|(?i:week))")),
        (Format::Gap, format!(r"[.,\n\x00]|{SPACE}")),
    ]
}

/// Finds what stands where in a text.
pub(super) struct Grammar {
    formats: Vec<Format>,
    automaton: DFA,
}

static GRAMMAR: LazyLock<Option<Grammar>> = LazyLock::new(|| {
    let (formats, patterns): (Vec<_>, Vec<_>) = formats().into_iter().unzip();
    let automaton = DFA::builder()
        // The longest match, and of several formats that make it the first.
        .configure(DFA::config().match_kind(MatchKind::All))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
        .build_many(&patterns)
        .ok()?;
    Some(Grammar { formats, automaton })
});

impl Grammar {
    /// The grammar with memory to use it; `None` only if a pattern above is wrong, which tests rule out.
    pub(super) fn compiled() -> Option<(&'static Self, Cache)> {
        let grammar = GRAMMAR.as_ref()?;
        Some((grammar, grammar.automaton.create_cache()))
    }

    /// What begins at `from`, and where it ends.
    pub(super) fn next(&self, cache: &mut Cache, text: &[u8], from: usize) -> Option<(Format, usize)> {
        let input = Input::new(text).range(from..).anchored(Anchored::Yes);
        let found = self.automaton.try_search_fwd(cache, &input).ok()??;
        let format = self.formats.get(found.pattern().as_usize())?;
        Some((*format, found.offset()))
    }
}
