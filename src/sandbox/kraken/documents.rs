//! Bills as documents, behind signed addresses that need no Authorization header (README, "Bills, ledgers,
//! transactions": an attachment's address lives about an hour).

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::State;
use super::data;
use super::measurements::universal;

/// Seconds a signed address lives.
pub(super) const LINK_LIFE: i64 = 60 * 60;

/// A signed address for a bill's document, and the second it dies.
pub(super) fn link(state: &State, bill: &str, now: i64) -> (String, i64) {
    let expires = now + LINK_LIFE;
    let signature = state.sessions.sign(&signed_text(bill, &expires.to_string()));
    (
        format!(
            "{}/documents/{bill}?expires={expires}&signature={signature}",
            state.base
        ),
        expires,
    )
}

/// A bill's attachments: one document, or none while there is no file.
pub(super) fn attachments(state: &State, bill: &Value, now: i64) -> Value {
    let Some(id) = bill["id"].as_str().filter(|_| bill["_pdf"] == true) else {
        return json!([]);
    };
    let (url, expires) = link(state, id, now);
    json!([{
        "temporaryUrl": url,
        "temporaryUrlExpiresAt": universal(expires),
        "filename": format!("bill-{id}.pdf"),
    }])
}

/// Serves a document to whoever holds a live signed address; refuses like an object store, in XML.
pub(super) fn serve(state: &State, bill: &str, query: &str, now: i64) -> Response {
    let given = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let (expires, signature) = (
        given("expires").unwrap_or_default(),
        given("signature").unwrap_or_default(),
    );
    let Ok(dies) = expires.parse::<i64>() else {
        return refused(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
    };
    if !state.sessions.signed(&signed_text(bill, expires), signature) {
        let message = "The request signature we calculated does not match the signature you provided.";
        return refused(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message);
    }
    if dies <= now {
        return refused(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
    }
    let Some((account, record)) = data::bill(bill) else {
        return refused(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    };
    let lines = [
        format!("Account {account}"),
        format!("Document {bill}"),
        format!("From {} to {}", text(&record["fromDate"]), text(&record["toDate"])),
    ];
    let disposition = format!("attachment; filename=\"bill-{bill}.pdf\"");
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, pdf(&lines)).into_response()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn signed_text(bill: &str, expires: &str) -> String {
    format!("document {bill} until {expires}")
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

/// One page with a few lines of text, as small as a valid PDF gets.
fn pdf(lines: &[String]) -> Vec<u8> {
    let mut shown = String::from("BT /F1 12 Tf 72 720 Td 16 TL");
    for line in lines {
        // Writing to a string cannot fail.
        let _ = write!(shown, " ({line}) Tj T*");
    }
    shown.push_str(" ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{shown}\nendstream", shown.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in (1..).zip(&objects) {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        let _ = writeln!(file, "{number} 0 obj\n{object}\nendobj");
    }
    let at = file.len();
    let size = objects.len() + 1;
    let _ = write!(
        file,
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n"
    );
    file.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cross_reference_table_points_at_its_objects() {
        let file = String::from_utf8(pdf(&["Account A".to_owned()])).unwrap();
        let at: usize = file
            .rsplit("startxref\n")
            .next()
            .unwrap()
            .split('\n')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(file[at..].starts_with("xref\n0 6\n"));
        let entries: Vec<&str> = file[at..].lines().skip(3).take(5).collect();
        for (number, entry) in (1..).zip(entries) {
            let offset: usize = entry.split(' ').next().unwrap().parse().unwrap();
            assert!(file[offset..].starts_with(&format!("{number} 0 obj")), "{entry}");
        }
    }
}
