//! The balance threshold.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use signet_model::{Amount, amount::InvalidAmount};

use crate::{
    error::PageError,
    form::{Errors, Fields},
    frame::Member,
    notice::Notice,
    pages::account,
    redirect::done,
};

/// Sets the threshold; an empty field clears it.
pub(crate) async fn save(member: Member, fields: Fields) -> Result<Response, PageError> {
    let text = fields.get("threshold").trim();
    match read(text) {
        Ok(threshold) => {
            member.engine().set_balance_threshold(member.account, threshold).await?;
            let notice = if threshold.is_some() { Notice::ThresholdSaved } else { Notice::ThresholdCleared };
            Ok(done(notice, account::PATH))
        }
        Err(message) => {
            let page =
                account::page(&member.frame, &account::load(&member).await?, text, &Errors::one("threshold", message));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn read(text: &str) -> Result<Option<Amount>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| match error {
        InvalidAmount::NotANumber => "Enter a number such as 50 or 45.5, or leave the field empty.",
        InvalidAmount::Inexact => "The number has more digits than can be kept. Round it to 15 digits.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_clears_the_threshold() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("45.5"), Ok(Some("45.5".parse().expect("an amount"))));
        assert!(read("lots").is_err_and(|message| message.contains("such as 50")));
        assert!(read("9007199254740993").is_err_and(|message| message.contains("Round it")));
    }
}
