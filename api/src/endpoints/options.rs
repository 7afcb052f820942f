//! The options of a webhook on the wire: its own headers, a throttle, a filter.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use signet_engine::service::endpoints::HeaderDraft;
use signet_model::{
    Filter, Throttle,
    endpoint::custom_headers::{CustomHeaderName, CustomHeaderValue},
    filter::{
        BYTES_MAX, CONDITIONS_MAX, ConditionError, FilterError, POINTER_MAX, RawCondition, STEPS_MAX, TEXT_MAX,
        VALUES_MAX,
    },
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{AdditionalProperties, ArrayBuilder, SchemaType, Type},
    },
};

use crate::{json::members, problem::Problem};

/// A header that every delivery to the webhook carries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewHeader {
    /// Its name, in any case. Names of the contract and of HTTP itself cannot be set.
    #[serde(deserialize_with = "members::parsed")]
    #[schema(value_type = String, max_length = 100, example = "Authorization")]
    name: CustomHeaderName,
    /// Its value, in ASCII. `null` keeps the stored value of the header with this name.
    #[serde(default, deserialize_with = "members::parsed_or_null")]
    #[schema(value_type = Option<String>, max_length = 4096)]
    value: Option<CustomHeaderValue>,
}

impl NewHeader {
    /// Its name.
    pub const fn name(&self) -> &CustomHeaderName {
        &self.name
    }
}

impl From<NewHeader> for HeaderDraft {
    fn from(header: NewHeader) -> Self {
        Self { name: header.name, value: header.value }
    }
}

/// A header of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Header {
    /// Its name.
    name: String,
    /// Always `null`: values are stored encrypted, and never shown again.
    value: Option<String>,
}

impl From<CustomHeaderName> for Header {
    fn from(name: CustomHeaderName) -> Self {
        Self { name: name.to_string(), value: None }
    }
}

/// The deliveries that may start in a second.
#[derive(Debug, Clone, Copy)]
pub struct PerSecond(pub Throttle);

impl<'de> Deserialize<'de> for PerSecond {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let throttle = u32::deserialize(deserializer).ok().and_then(|number| Throttle::try_from(number).ok());
        throttle.map(Self).ok_or_else(|| D::Error::custom("must be a whole number from 1 to 1,000, or null"))
    }
}

/// The filter with these conditions.
///
/// # Errors
/// The condition at fault.
pub fn filter(conditions: Vec<RawCondition>) -> Result<Filter, Problem> {
    Filter::try_from(conditions).map_err(|error| match error {
        FilterError::Empty => Problem::member("/filter", "must have one condition or more; null is no filter"),
        FilterError::TooMany => Problem::member("/filter", &format!("has more than {CONDITIONS_MAX} conditions")),
        FilterError::TooLarge => {
            Problem::member("/filter", &format!("has texts of more than {BYTES_MAX} characters together"))
        }
        FilterError::Condition { place, reason: ConditionError::Pointer(reason) } => {
            Problem::member(format!("/filter/{place}/pointer"), &reason.to_string())
        }
        FilterError::Condition { place, reason } => Problem::member(format!("/filter/{place}"), &reason.to_string()),
    })
}

/// The schema of a condition.
#[derive(Debug)]
pub enum FilterCondition {}

impl PartialSchema for FilterCondition {
    fn schema() -> RefOr<Schema> {
        let number = |description: &str| ObjectBuilder::new().schema_type(Type::Number).description(Some(description));
        let pointer = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^(/([^/~]|~[01])*){{1,{STEPS_MAX}}}$")))
            .max_length(Some(POINTER_MAX))
            .description(Some("A JSON pointer (RFC 6901) to the member, such as `/total` or `/lines/0/sku`."));
        let exists = ObjectBuilder::new().schema_type(Type::Boolean);
        let one_of = ArrayBuilder::new().items(scalar()).min_items(Some(1)).max_items(Some(VALUES_MAX));
        ObjectBuilder::new()
            .description(Some("A member of the body, and one test of its value."))
            .property("pointer", pointer)
            .required("pointer")
            .property("equals", scalar().description(Some("The value is this one.")))
            .property("oneOf", one_of.description(Some("The value is one of these.")))
            .property("exists", exists.description(Some("The member is there, whatever its value; or is not.")))
            .property("lt", number("The value is a number less than this."))
            .property("lte", number("The value is a number less than or equal to this."))
            .property("gt", number("The value is a number greater than this."))
            .property("gte", number("The value is a number greater than or equal to this."))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .min_properties(Some(2))
            .max_properties(Some(2))
            .into()
    }
}

impl ToSchema for FilterCondition {}

fn scalar() -> ObjectBuilder {
    let types = vec![Type::String, Type::Number, Type::Boolean];
    ObjectBuilder::new().schema_type(SchemaType::Array(types)).max_length(Some(TEXT_MAX))
}
