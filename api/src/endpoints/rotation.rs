//! `/v1/accounts/{account}/endpoints/{endpoint}/secret/…`: the rotation of a secret.

pub mod call_off;
pub mod next;
pub mod rotate;
pub mod switch;
#[cfg(test)]
mod tests;

use serde::Serialize;
use signet_engine::service::endpoints::{RotateError, Rotation};
use utoipa::ToSchema;

use crate::{
    problem::{Code, Problem},
    time::Time,
};

/// The secret that is about to take over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextSecret {
    /// `whsec_…`, as receivers are to know it.
    secret: String,
    /// The instant at which it signs alone.
    takes_over_at: Time,
}

impl From<Rotation> for NextSecret {
    fn from(rotation: Rotation) -> Self {
        Self { secret: rotation.next.reveal().to_owned(), takes_over_at: rotation.takes_over_at.into() }
    }
}

impl From<RotateError> for Problem {
    fn from(error: RotateError) -> Self {
        let text = error.to_string();
        match error {
            RotateError::UnderWay => Self::new(Code::RotationUnderWay, text),
            RotateError::NotUnderWay => Self::new(Code::NoRotation, text),
            RotateError::Store(error) => error.into(),
        }
    }
}
