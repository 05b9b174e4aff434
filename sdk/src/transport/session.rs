//! Runs an author's session on a runtime of its own: started by the factory,
//! fed by the host without ever blocking it, ended by `close`.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, mpsc as std_mpsc},
    task::Poll,
    thread,
    time::Duration,
};

use abi::{
    FaultCode, PortObject, Request_NE,
    abi_stable::{
        sabi_trait::TD_Opaque,
        std_types::RResult::{self, RErr, ROk},
    },
};
use spacetime_sdk_abi::{self as abi, Fault, OpenArgs, TransportObject};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, watch},
};

use super::{
    Transport,
    message::{Event, Request},
    port::Port,
};
use crate::{
    config,
    error::{Result, fault},
    guard, host,
};

/// Requests that may wait for the author's code. A miner has a handful of
/// submissions under way at most.
const QUEUE: usize = 256;

/// What tasks of the session get to end after its future has.
const TASKS_END: Duration = Duration::from_millis(500);

/// What an author's destructor may take, and what dropping an unclosed
/// session waits for its thread.
const DROP_DEADLINE: Duration = Duration::from_secs(2);

pub(super) struct Session {
    requests: mpsc::Sender<Request>,
    closing: watch::Sender<bool>,
    ended: std_mpsc::Receiver<()>,
}

impl Session {
    pub(super) fn start<T: Transport>(
        args: &OpenArgs<'_>,
        port: PortObject,
        open: impl FnOnce() -> Result<T>,
    ) -> Result<TransportObject, Fault> {
        let name: Arc<str> = Arc::from(args.instance.as_str());
        guard::note_opening(&name);
        let runtime = runtime(&name)
            .map_err(|error| fault(FaultCode::FAILED, format_args!("no threads: {error}")))?;
        // Constructors may want a runtime, to bind a socket for example.
        let entered = runtime.enter();
        let value = guard::run(&name, "its constructor", open)?
            .map_err(|error| config::constructor_fault(args, error))?;
        drop(entered);
        let (requests, receiver) = mpsc::channel(QUEUE);
        let (closing, watch) = watch::channel(false);
        let (end, ended) = std_mpsc::channel();
        let port = Arc::new(port);
        thread::Builder::new()
            .name(format!("transport-{name}"))
            .spawn(move || {
                guard::set_instance(&name);
                serve(&runtime, &name, value, &port, receiver, watch);
                runtime.shutdown_timeout(TASKS_END);
                // Nobody may be waiting any more.
                let _ = end.send(());
            })
            .map_err(|error| fault(FaultCode::FAILED, format_args!("no thread: {error}")))?;
        Ok(TransportObject::from_value(Self { requests, closing, ended }, TD_Opaque))
    }

    fn end(&self, deadline: Duration) -> Result<(), Fault> {
        self.closing.send_replace(true);
        match self.ended.recv_timeout(deadline) {
            Err(std_mpsc::RecvTimeoutError::Timeout) => Err(fault(
                FaultCode::FAILED,
                format_args!("its session did not end within {} ms", deadline.as_millis()),
            )),
            // Ended now, or long ago.
            _ => Ok(()),
        }
    }
}

pub(super) fn runtime(name: &Arc<str>) -> std::io::Result<Runtime> {
    let instance = name.clone();
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(format!("{name}-worker"))
        .on_thread_start(move || guard::set_instance(&instance))
        .enable_all()
        .build()
}

/// The whole life of a session, on its own thread.
fn serve<T: Transport>(
    runtime: &Runtime,
    name: &Arc<str>,
    mut value: T,
    host_port: &Arc<PortObject>,
    requests: mpsc::Receiver<Request>,
    closing: watch::Receiver<bool>,
) {
    let mut port = Port::new(host_port.clone(), requests, closing.clone());
    let its_name = name.clone();
    // A task, which goes on where what it waited for was found out. This thread
    // would have to be woken first, and get a core that scans want.
    let session = runtime.spawn(async move {
        // `run` itself may panic before it returns a future.
        let outcome = guarded(&its_name, async { value.run(&mut port).await }).await;
        drop(port);
        (value, outcome)
    });
    let (value, outcome) = match runtime.block_on(session) {
        Ok((value, outcome)) => (Some(value), outcome),
        // Something that a panic in `run` left behind panicked when it was dropped.
        Err(error) => (None, Err(fault(FaultCode::PANICKED, format_args!("its session: {error}")))),
    };
    let asked = *closing.borrow();
    let reason = match outcome {
        Ok(Ok(())) => "its session ended by itself: `run` returned".to_owned(),
        // Being told to close is no error.
        Ok(Err(_)) if asked => String::new(),
        Ok(Err(error)) => {
            host::fault(name, error.clone().into());
            error.to_string()
        }
        Err(fault) => {
            let message = fault.message.to_string();
            host::fault(name, fault);
            message
        }
    };
    if !asked && let Ok(event) = (Event::Offline { reason }).to_abi() {
        // The host also learns it from the next request.
        host_port.emit(event);
    }
    if let Some(value) = value {
        drop_value(runtime.handle().clone(), name, value);
    }
}

/// Runs the author's destructor on a thread of its own, so that one that hangs
/// does not keep the host from learning that the session is over.
fn drop_value<T: Transport>(runtime: Handle, name: &Arc<str>, value: T) {
    let (done, dropped) = std_mpsc::channel();
    let instance = name.clone();
    let destroy = move || {
        guard::set_instance(&instance);
        let _entered = runtime.enter();
        if let Err(fault) = guard::run(&instance, "its destructor", || drop(value)) {
            host::fault(&instance, fault);
        }
        // Nobody may be waiting any more.
        let _ = done.send(());
    };
    let spawned = thread::Builder::new().name(format!("drop-{name}")).spawn(destroy);
    let timeout = Err(std_mpsc::RecvTimeoutError::Timeout);
    if spawned.is_ok() && dropped.recv_timeout(DROP_DEADLINE) == timeout {
        let message =
            format_args!("its destructor did not return within {} ms", DROP_DEADLINE.as_millis());
        host::fault(name, fault(FaultCode::FAILED, message));
    }
}

/// Polls author code inside the guard.
async fn guarded<F: Future>(name: &Arc<str>, future: F) -> Result<F::Output, Fault> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        match guard::run(name, "its session", || future.as_mut().poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(fault) => Poll::Ready(Err(fault)),
        }
    })
    .await
}

impl abi::Transport for Session {
    fn request(&mut self, request: Request_NE) -> RResult<(), Fault> {
        let request = match Request::from_abi(request) {
            Ok(Some(request)) => request,
            Ok(None) => {
                return RErr(fault(FaultCode::UNSUPPORTED, "this plugin's SDK is too old for it"));
            }
            Err(error) => return RErr(error.into()),
        };
        match self.requests.try_send(request) {
            Ok(()) => ROk(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                RErr(fault(FaultCode::BUSY, "its request queue is full"))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                RErr(fault(FaultCode::CLOSED, "its session has ended"))
            }
        }
    }

    fn close(&mut self, deadline_ms: u64) -> RResult<(), Fault> {
        self.end(Duration::from_millis(deadline_ms)).into()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // At once, if its session has ended.
        let _ = self.end(DROP_DEADLINE);
    }
}
