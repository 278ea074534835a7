//! Dimensions on the wire.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::PutDimension;
use waybill_domain::{Dimension, DimensionId, DimensionSegment};
use waybill_http::{Members, Problem};

/// Longest name and id of a segment, in characters.
const NAME_CHARS: usize = 200;

/// Something that values differ by, like a language.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Dimension)]
pub(crate) struct DimensionWire {
    /// Its id.
    id: String,
    /// A short name for programs.
    alias: String,
    /// A name for people.
    name: String,
    /// The segment that counts where none is named.
    #[schema(required)]
    default_segment_id: Option<String>,
    /// Its segments, in order.
    segments: Vec<SegmentWire>,
}

/// One of what a dimension divides values into.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Segment)]
pub(crate) struct SegmentWire {
    /// Its id.
    id: String,
    /// A short name for programs.
    alias: String,
    /// A name for people.
    name: String,
    /// Whether it is the one that counts where none is named.
    is_default: bool,
}

impl From<Dimension> for DimensionWire {
    fn from(dimension: Dimension) -> Self {
        let Dimension { id, alias, name, default_segment, segments, .. } = dimension;
        let segment = |segment: DimensionSegment| SegmentWire {
            is_default: default_segment.as_ref() == Some(&segment.id),
            id: segment.id,
            alias: segment.alias,
            name: segment.name,
        };
        let segments = segments.into_iter().map(segment).collect();
        Self { id: id.into(), alias, name, default_segment_id: default_segment, segments }
    }
}

/// A dimension to be written, whole.
#[derive(Debug, ToSchema)]
#[schema(as = PutDimension, rename_all = "camelCase")]
pub(crate) struct DimensionBody {
    /// Its id, which must be the path's where it is given.
    #[schema(value_type = Option<String>)]
    id: DimensionId,
    /// A short name for programs; absent = the id.
    alias: Option<String>,
    /// A name for people; absent = the alias.
    name: Option<String>,
    /// The segment that counts where none is named; absent = the one with `isDefault`, if any.
    default_segment_id: Option<String>,
    /// Its segments, in order, at most 1000; each with an `id`, and `alias` and `name` where they differ from it.
    #[schema(value_type = Vec<SegmentBody>)]
    segments: Vec<DimensionSegment>,
}

/// A segment to be written.
#[derive(Debug, ToSchema)]
#[schema(as = PutSegment, rename_all = "camelCase")]
pub(crate) struct SegmentBody {
    /// Its id.
    #[expect(dead_code, reason = "describes the body")]
    id: String,
    /// A short name for programs; absent = the id.
    #[expect(dead_code, reason = "describes the body")]
    alias: Option<String>,
    /// A name for people; absent = the alias.
    #[expect(dead_code, reason = "describes the body")]
    name: Option<String>,
    /// Whether it is the one that counts where none is named.
    #[expect(dead_code, reason = "describes the body")]
    is_default: Option<bool>,
}

impl DimensionBody {
    /// Reads the body of the dimension `id`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(id: DimensionId, body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        if members.text("id", NAME_CHARS).is_some_and(|given| given != id.as_str()) {
            members.refuse::<()>("id", format!("must be `{id}`, as in the path"));
        }
        let alias = members.text("alias", NAME_CHARS).map(str::to_owned);
        let name = members.text("name", NAME_CHARS).map(str::to_owned);
        let default = members.text("defaultSegmentId", NAME_CHARS).map(str::to_owned);
        let list = members.take("segments");
        let mut segments = Vec::new();
        let mut marked = None;
        match members.require("segments", list).map(Value::as_array) {
            Some(Some(list)) => {
                for (index, value) in list.iter().enumerate() {
                    let pointer = format!("{}/{index}", members.at("segments"));
                    match read_segment(value, pointer) {
                        Ok((segment, is_default)) => {
                            if is_default {
                                marked = Some(segment.id.clone());
                            }
                            segments.push(segment);
                        }
                        Err(problems) => members.add(problems),
                    }
                }
            }
            Some(None) => _ = members.refuse::<()>("segments", "must be an array of segments"),
            None => {}
        }
        let problems = members.finish();
        let default_segment_id = default.or(marked);
        if problems.is_empty() { Ok(Self { id, alias, name, default_segment_id, segments }) } else { Err(problems) }
    }

    /// The command.
    pub(crate) fn command(self) -> PutDimension {
        let Self { id, alias, name, default_segment_id, segments } = self;
        PutDimension { id, alias, name, default_segment: default_segment_id, segments }
    }
}

fn read_segment(value: &Value, pointer: String) -> Result<(DimensionSegment, bool), Vec<Problem>> {
    let mut members = Members::of(value, pointer).map_err(|problem| vec![problem])?;
    let id = members.text("id", NAME_CHARS).map(str::to_owned);
    let id = members.require("id", id);
    let alias = members.text("alias", NAME_CHARS).map(str::to_owned);
    let name = members.text("name", NAME_CHARS).map(str::to_owned);
    let is_default = members.boolean("isDefault").unwrap_or(false);
    let problems = members.finish();
    match id {
        Some(id) if problems.is_empty() => {
            let alias = alias.unwrap_or_else(|| id.clone());
            Ok((DimensionSegment { name: name.unwrap_or_else(|| alias.clone()), alias, id }, is_default))
        }
        _ => Err(problems),
    }
}
