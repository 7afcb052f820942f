//! `task.failed`: a task could not be solved.

use super::{Definition, Fields, MemberFault, TaskId, fields::write_member};
use crate::payload::Value;

pub(super) const DEFINITION: Definition = Definition {
    name: "task.failed",
    sentence: "A task could not be completed; the error says why.",
    is_default: true,
    sample: r#""taskId":"task_abc123","status":"failed","errorId":10,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE""#,
    copy_members,
};

fn copy_members(fields: &mut Fields<'_>, json: &mut String) -> Result<TaskId, MemberFault> {
    let task_id = fields.task_id()?;
    fields.constant("status", "failed")?;
    let error_id = fields.required("errorId")?;
    if !matches!(error_id, Value::Number(number) if number.fract() == 0.0) {
        return Err(MemberFault::new("errorId", "must be a whole number"));
    }
    let error_code = fields.text("errorCode")?;
    write_member("taskId", &task_id, json);
    write_member("status", "failed", json);
    json.push_str(",\"errorId\":");
    error_id.write(json);
    write_member("errorCode", &error_code, json);
    Ok(Some(task_id))
}
