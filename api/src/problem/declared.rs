//! The problems that an operation declares: the document describes these, and tests fail on
//! one too many or too few.

use std::collections::BTreeMap;

use utoipa::openapi::{
    AllOfBuilder, ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
    schema::{ArrayBuilder, Type},
};

use super::Code;

/// Problems of a caller: the key, its scope, and the store that knows them.
pub const CALLER: &[Code] = &[Code::Unauthenticated, Code::MissingScope, Code::TryAgain, Code::TooManyRequests];
/// Problems of a caller in the account of the path.
pub const IN_ACCOUNT: &[Code] =
    &[Code::Unauthenticated, Code::MissingScope, Code::TryAgain, Code::TooManyRequests, Code::NoSuchAccount];
/// Problems of a caller who must be the operator.
pub const OPERATOR: &[Code] =
    &[Code::Unauthenticated, Code::MissingScope, Code::TryAgain, Code::TooManyRequests, Code::OperatorOnly];
/// Problems of a body.
pub const BODY: &[Code] = &[Code::NotJson, Code::Compressed, Code::BodyTooLarge, Code::Incomplete, Code::InvalidMember];
/// Problems of a list: its parameters.
pub const LIST: &[Code] = &[Code::InvalidParameter];
/// Problems of a POST, which can be repeated by its idempotency key.
pub const POST: &[Code] =
    &[Code::BadIdempotencyKey, Code::KeyReused, Code::AnswerUnknown, Code::TooManyIdempotencyKeys];
/// Problems of a change of one version.
pub const CHANGE: &[Code] = &[Code::BadPrecondition, Code::ChangedMeanwhile];

/// Declares the problems of the operation in this file: groups first, then its own codes. Makes
/// `Problems`, to be named among its responses.
macro_rules! problems {
    ($($group:ident),* $(; $($code:ident),*)?) => {
        /// The problems of the operation, for the document.
        #[derive(Debug)]
        pub(crate) enum Problems {}

        impl utoipa::IntoResponses for Problems {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::problem::responses(&[
                    $($crate::problem::$group,)*
                    &[$($($crate::problem::Code::$code),*)?],
                ])
            }
        }
    };
}
pub(crate) use problems;

/// A response for each status among the codes of these groups.
pub fn responses(groups: &[&[Code]]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for &code in groups.iter().copied().flatten() {
        let codes = by_status.entry(code.status().as_str().to_owned()).or_default();
        if !codes.iter().any(|one| one.name() == code.name()) {
            codes.push(code);
        }
    }
    by_status.into_iter().map(|(status, codes)| (status, response(&codes).into())).collect()
}

/// The response with one of these codes.
fn response(codes: &[Code]) -> Response {
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let lines: Vec<_> = codes.iter().map(|code| format!("`{}`: {}.", code.name(), code.title())).collect();
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let schema =
        AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(ObjectBuilder::new().property("code", code));
    ResponseBuilder::new()
        .description(lines.join(" "))
        .content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

impl utoipa::PartialSchema for super::Problem {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
        ObjectBuilder::new()
            .description(Some("A problem (RFC 9457)."))
            .property("type", text("The place in the documentation that explains the code."))
            .required("type")
            .property("title", text("The kind of the problem, for people."))
            .required("title")
            .property("status", ObjectBuilder::new().schema_type(Type::Integer).description(Some("The status.")))
            .required("status")
            .property("code", text("The kind of the problem, for programs. New codes can come."))
            .required("code")
            .property("detail", text("The fault, and its remedy."))
            .required("detail")
            .property("instance", text("The path of the request, and the number of the problem."))
            .property("errors", ArrayBuilder::new().items(Ref::from_schema_name("ProblemError")))
            .into()
    }
}

impl utoipa::ToSchema for super::Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<utoipa::openapi::Schema>)>) {
        schemas.push(("ProblemError".to_owned(), <super::MemberError as utoipa::PartialSchema>::schema()));
    }
}
