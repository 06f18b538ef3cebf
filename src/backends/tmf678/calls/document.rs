//! A bill's document.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Content, Road, Tmf678};
use crate::backends::Serves;
use crate::backends::tmf678::map::{self, Record};
use crate::backends::tmf678::{keys, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::bill::{Document, DocumentForm};
use crate::operations::bills::GetBillDocument;
use crate::operations::{Context, Operation};

const PDF_MARK: &[u8] = b"%PDF-";

/// `retrieveCustomerBill` with a flag: one call for each form tried, never both flags at once (README §1).
///
/// The first form that is to be had is given. If none is, the failure is that of the form liked best.
#[async_trait]
impl Serves<GetBillDocument> for Tmf678 {
    async fn serve(&self, asked: GetBillDocument, cx: &Context) -> Result<Document> {
        let (place, bill) = keys::bill(&asked.bill)?;
        let road = self.road(GetBillDocument::ID, &place, cx, "bill")?;
        let mut first = None;
        for form in asked.forms {
            match road.document(&bill, form).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unreadable) => {
                    first.get_or_insert(error);
                }
                outcome => return outcome,
            }
        }
        Err(first.unwrap_or_else(|| {
            Error::new(
                ErrorKind::NotAcceptable,
                "the document is to be had as application/pdf or text/plain",
            )
        }))
    }
}

impl Road<'_> {
    async fn document(&self, bill: &str, form: DocumentForm) -> Result<Document> {
        let content = match form {
            DocumentForm::Pdf => Content::Pdf,
            DocumentForm::Text => Content::Text,
        };
        let reply = self.one(bill, content, "bill, or no such document of it").await?;
        let record = Record::one(&reply.body)?;
        self.mapper().check(bill, &record)?;
        if self.place.account().is_some() && !record.names_account() {
            // Not every document says whose it is (README §3, "hardly any summary"); the summary does.
            let summary = self.one(bill, Content::Summary, "bill").await?;
            self.mapper().bill(Some(bill), &Record::one(&summary.body)?)?;
        }
        pick(record.documents(), form, bill)
    }
}

/// The first document of the form asked for; else why the last one is not.
fn pick(documents: &[wire::BillDocument<'_>], form: DocumentForm, bill: &str) -> Result<Document> {
    let mut why = Error::not_found("document: the system has none of this bill in this form");
    for (n, document) in documents.iter().enumerate() {
        match bytes(document, form, n) {
            Ok(bytes) => {
                return Ok(Document {
                    media_type: form,
                    name: map::document_name(document, form, bill),
                    bytes,
                });
            }
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// The bytes of a document. Absent, blank, not base64 and not what it says to be are four outcomes (README §3, "content").
///
/// `mimeType` can lie, so a PDF is known by its first bytes. A text has none to know it by: what is no PDF and is not
/// called one is taken as it is, in whatever encoding it is; nobody states it.
fn bytes(document: &wire::BillDocument<'_>, form: DocumentForm, n: usize) -> Result<Bytes> {
    let place = format!("$.billDocument[{n}].content");
    let Some(content) = &document.content else {
        return Err(Error::not_found(
            "document: the system names one of this bill, but does not send it",
        ));
    };
    if content.is_empty() {
        return Err(Error::not_found(
            "document: the system names one of this bill, but sends nothing in it",
        ));
    }
    let decoded = match content.bytes().any(|byte| byte.is_ascii_whitespace()) {
        true => STANDARD.decode(
            content
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect::<Vec<_>>(),
        ),
        false => STANDARD.decode(&**content),
    };
    let decoded = decoded.map_err(|_| Error::unreadable(&place, "not base64, or cut off"))?;
    let is_pdf = decoded.starts_with(PDF_MARK);
    let called_pdf = document
        .mime_type
        .as_ref()
        .is_some_and(|kind| kind.eq_ignore_ascii_case(DocumentForm::Pdf.media_type()));
    match form {
        DocumentForm::Pdf if !is_pdf => Err(Error::unreadable(place, "not a PDF, whatever it is called")),
        DocumentForm::Text if is_pdf || called_pdf => Err(Error::unreadable(place, "a PDF where a text was asked for")),
        _ => Ok(decoded.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(name: &str, form: DocumentForm) -> Result<Document> {
        let path = format!(
            "{}/tests/fixtures/tmf678/examples/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let body = std::fs::read(path).unwrap();
        pick(Record::one(&body).unwrap().documents(), form, "2018031")
    }

    fn of(json: &str, form: DocumentForm) -> Result<Document> {
        pick(&[serde_json::from_str(json).unwrap()], form, "77/1")
    }

    #[test]
    fn every_example_s_document_is_what_the_contract_says() {
        let path = format!("{}/tests/fixtures/tmf678/truth.json", env!("CARGO_MANIFEST_DIR"));
        let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut documents = 0;
        for (name, truth) in truth["answers"].as_object().unwrap() {
            let Some(expected) = truth.get("document") else {
                continue;
            };
            documents += 1;
            let form = [DocumentForm::Pdf, DocumentForm::Text];
            let form = form
                .into_iter()
                .find(|form| expected["form"] == form.media_type())
                .unwrap();
            match (picked(name, form), expected["refused"].as_str()) {
                (Ok(document), None) => {
                    assert_eq!(document.media_type, form, "{name}");
                    assert_eq!(expected["name"], *document.name, "{name}");
                    assert_eq!(expected["bytes"], document.bytes.len(), "{name}");
                }
                (Err(error), Some("UNREADABLE")) => assert_eq!(error.kind(), ErrorKind::Unreadable, "{name}"),
                (Err(error), Some("NOT_FOUND")) => assert_eq!(error.kind(), ErrorKind::NotFound, "{name}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
        assert_eq!(documents, 5);
        let text = picked("200-txt", DocumentForm::Text).unwrap();
        assert!(text.bytes.starts_with(b"Man is distinguished"));
    }

    #[test]
    fn absent_blank_cut_off_and_lying_contents_are_told_apart() {
        for (name, form, kind, why) in [
            (
                "200-pdf-size-number",
                DocumentForm::Pdf,
                ErrorKind::NotFound,
                "sends nothing in it",
            ),
            (
                "200-summary-full",
                DocumentForm::Pdf,
                ErrorKind::NotFound,
                "none of this bill",
            ),
            (
                "200-pdf-attachment-type",
                DocumentForm::Pdf,
                ErrorKind::Unreadable,
                "cut off",
            ),
            (
                "200-pdf-with-summary",
                DocumentForm::Pdf,
                ErrorKind::Unreadable,
                "cut off",
            ),
            (
                "200-pdf-run-type",
                DocumentForm::Pdf,
                ErrorKind::Unreadable,
                "not a PDF",
            ),
            (
                "200-pdf-run-type",
                DocumentForm::Text,
                ErrorKind::Unreadable,
                "a PDF where a text",
            ),
        ] {
            let error = picked(name, form).unwrap_err();
            assert_eq!(error.kind(), kind, "{name}");
            assert!(error.message().contains(why), "{name}: {}", error.message());
        }
        let error = of(r#"{"mimeType": "application/pdf"}"#, DocumentForm::Pdf).unwrap_err();
        assert!(error.message().contains("does not send it"), "{}", error.message());
        let error = of(r#"{"content": "PDF CONTENT"}"#, DocumentForm::Pdf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
    }

    #[test]
    fn a_pdf_is_known_by_its_first_bytes() {
        let base64 = STANDARD.encode(b"%PDF-1.4\n...");
        let (head, tail) = base64.split_at(5);
        for json in [
            format!(r#"{{"content": "{base64}", "mimeType": "application/octet-stream"}}"#),
            format!(r#"{{"content": "{head}\n {tail}", "name": "\\\\SHARE\\PDF\\..\\77 1\".pdf"}}"#),
        ] {
            let document = of(&json, DocumentForm::Pdf).unwrap();
            assert!(document.bytes.starts_with(PDF_MARK));
            assert!(["1.pdf", "77-1.pdf"].contains(&&*document.name), "{}", document.name);
            assert_eq!(of(&json, DocumentForm::Text).unwrap_err().kind(), ErrorKind::Unreadable);
        }
        let page = STANDARD.encode("<html>no such file</html>");
        let json = format!(r#"{{"content": "{page}", "mimeType": "application/pdf"}}"#);
        assert_eq!(of(&json, DocumentForm::Pdf).unwrap_err().kind(), ErrorKind::Unreadable);
    }

    #[test]
    fn the_first_document_that_fits_is_taken() {
        let (pdf, text) = (STANDARD.encode("%PDF-1.7"), STANDARD.encode("words"));
        let json = format!(r#"[{{"content": "{text}"}}, {{"content": " "}}, {{"content": "{pdf}"}}]"#);
        let documents: Vec<wire::BillDocument<'_>> = serde_json::from_str(&json).unwrap();
        assert_eq!(pick(&documents, DocumentForm::Pdf, "1").unwrap().bytes, "%PDF-1.7");
        assert_eq!(pick(&documents, DocumentForm::Text, "1").unwrap().bytes, "words");
    }
}
