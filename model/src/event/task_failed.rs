//! `task.failed`: a task could not be solved.

use super::{BuiltIn, EventType, Fields, MemberFault, built_in::TaskId, fields::write_member};
use crate::payload::Value;

pub(super) static TYPE: BuiltIn = BuiltIn {
    name: EventType::TASK_FAILED,
    description: "A task could not be completed; the error says why.",
    is_default: true,
    schema: r#"{"type":"object","properties":{"event":{"const":"task.failed"},"taskId":{"type":"string","minLength":1,"maxLength":255},"status":{"const":"failed"},"errorId":{"type":"integer"},"errorCode":{"type":"string","minLength":1},"timestamp":{"type":"string","format":"date-time"}},"required":["event","taskId","status","errorId","errorCode","timestamp"],"additionalProperties":false}"#,
    sample: r#""taskId":"task_abc123","status":"failed","errorId":10,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE""#,
    made_here: None,
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
