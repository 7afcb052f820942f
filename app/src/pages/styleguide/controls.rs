//! Buttons, fields, dialogs, tables.

use leptos::prelude::*;

use super::part;
use crate::{
    components::{
        Confirm, Icon, Menu, Modal, SparkPoint, Sparkline, Status, StatusMark, Tone, closes, text_area, text_input,
    },
    form::{Field, Form},
};

const URL: Field = Field { mono: true, hint: "Where events are sent.", ..Field::text("style-url", "URL") };
const NAME: Field = Field { optional: true, ..Field::text("style-name", "Description") };
const BODY: Field = Field { mono: true, ..Field::text("style-body", "Body") };

pub(super) fn buttons() -> impl IntoView {
    let content = view! {
        <p class="actions">
            <button class="button primary" type="button">"Primary"</button>
            <button class="button" type="button"><Icon name="send" />"Usual"</button>
            <button class="button quiet" type="button">"Quiet"</button>
            <button class="button danger" type="button">"Danger"</button>
            <button class="button danger-quiet" type="button">"Danger, later"</button>
            <button class="button" type="button" aria-disabled="true">"Not now"</button>
        </p>
    };
    part("Buttons", "One primary button on a page.", content)
}

pub(super) fn fields() -> impl IntoView {
    let form = Form::blank().with(&URL, "http://orders.example").invalid(&URL, "Begin the URL with https://.");
    let content = view! {
        <div class="form">
            {text_input(&URL, &form)}
            {text_input(&NAME, &form)}
            {text_area(&BODY, 4, &form)}
        </div>
    };
    part("Fields", "Label, hint, control, error. A form is at most 44 rem wide.", content)
}

pub(super) fn dialogs() -> impl IntoView {
    let content = view! {
        <div class="actions">
            <Confirm id="style-confirm".to_owned() action="#confirm".to_owned() open="Delete webhook" question="Delete this webhook?" verb="Delete">
                <p>"Its deliveries are deleted with it."</p>
            </Confirm>
            <Modal id="style-modal".to_owned() open="Show a dialog" title="A dialog">
                {closes("style-modal", "Close")}
                <p>"It keeps the focus until it is closed, and gives it back."</p>
            </Modal>
        </div>
    };
    part("Dialogs", "Opened by markup; modal where the browser knows commands.", content)
}

pub(super) fn table() -> impl IntoView {
    let row = |host: &'static str, tone: Tone, word: &'static str| {
        let hours = (0..24_u64).map(|hour| SparkPoint { good: hour % 7, bad: u64::from(tone == Tone::Warning) });
        view! {
            <tr>
                <td class="main-cell"><a class="row-link mono" href="#row"><bdi>{host}</bdi></a></td>
                <td data-label="Status"><StatusMark status=Status::new(tone, word) /></td>
                <td data-label="24 hours"><Sparkline points=hours.collect() label="Deliveries of 24 hours" /></td>
                <td class="number" data-label="Delivered">"1,204"</td>
                <td class="row-actions">
                    <Menu id=format!("menu-{host}") label=format!("Actions for {host}")>
                        <li><a href="#edit"><Icon name="pen" />"Edit"</a></li>
                        <li><button type="button"><Icon name="pause" />"Pause"</button></li>
                        <li class="line" role="none"></li>
                        <li><button class="danger" type="button">"Delete"</button></li>
                    </Menu>
                </td>
            </tr>
        }
    };
    let content = view! {
        <div class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Webhook"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"24 hours"</th>
                        <th class="number" scope="col">"Delivered"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{row("orders.example", Tone::Good, "Enabled")} {row("billing.example", Tone::Warning, "Failing")}</tbody>
            </table>
        </div>
    };
    part("Table", "At most 90 rem wide; on a narrow screen each row is a small list.", content)
}
