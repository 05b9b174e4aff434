//! Answers to what peers ask of the chain (`wire.md` sections 5 and 6).

use spacetime_protocol::BlockHash;
use spacetime_protocol::wire::{MAX_HEADERS, Message};

use crate::Service;
use crate::store::StoreError;

/// Pending transactions in the answers to one question.
const MAX_POOL: usize = 1000;

/// The answers to a question about the chain; none to what is not known, as
/// no message says that.
pub(super) async fn answers(service: Service, request: Message) -> Vec<Message> {
    let answers = tokio::task::spawn_blocking(move || match request {
        Message::GetHeaders { locator, stop, max } => {
            headers(&service, &locator, stop.as_ref(), max).map(|answer| vec![answer])
        }
        Message::GetBlock(hash) => {
            let block = service.block(&hash)?;
            let bytes = block.and_then(|block| block.encode().ok());
            Ok(bytes.map(Message::Block).into_iter().collect())
        }
        Message::TxPoolRequest { max, include_data: true } => Ok(pool(&service, max)),
        // A list of hashes has no message.
        _ => Ok(Vec::new()),
    });
    match answers.await {
        Ok(Ok(answers)) => answers,
        Ok(Err(error)) => {
            tracing::error!(%error, "a question cannot be answered");
            Vec::new()
        }
        Err(error) => {
            tracing::error!(%error, "a question was not answered");
            Vec::new()
        }
    }
}

fn headers(
    service: &Service,
    locator: &BlockHash,
    stop: Option<&BlockHash>,
    max: i32,
) -> Result<Message, StoreError> {
    let most = usize::try_from(max).unwrap_or(0).min(MAX_HEADERS);
    let headers = service.headers_page(locator, stop, most as u64)?;
    let encoded = headers.iter().filter_map(|header| header.encode().ok());
    Ok(Message::Headers(encoded.map(|bytes| bytes.to_vec()).collect()))
}

fn pool(service: &Service, max: i32) -> Vec<Message> {
    let most = usize::try_from(max).unwrap_or(0).min(MAX_POOL);
    let encoded = service.pending(most).into_iter().filter_map(|pending| pending.encode().ok());
    encoded.map(|bytes| Message::Transaction(bytes.to_vec())).collect()
}
