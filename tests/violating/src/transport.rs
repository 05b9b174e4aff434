//! Transports.

use std::{
    fs,
    io::{self, Read},
    net::TcpStream,
    path::PathBuf,
    thread,
    time::Duration,
};

use spacetime_sdk::{
    Answer, Builder, Challenge, Error, Event, EventSender, Port, Question, Request, Result,
    StopRule, Transport, TransportContext, Verdict, async_trait,
    protocol::{self, BlockHash},
    tokio::{self, time},
};

use crate::strategy::{Page, page};

/// Tells the host that it is there.
async fn tell_online(port: &Port) -> Result<()> {
    port.emit(Event::Online { detail: "violating".to_owned() }).await
}

fn ticket(request: &Request) -> Option<u64> {
    match request {
        Request::SubmitProof { ticket, .. } | Request::SubmitBlock { ticket, .. } => Some(*ticket),
        _ => None,
    }
}

fn rejected(ticket: u64) -> Event {
    Event::Verdict { ticket, verdict: Verdict::Rejected, reason: "not wanted".to_owned() }
}

/// Rejects what is submitted, until the end.
async fn serve(port: &mut Port) -> Result<()> {
    while let Some(request) = port.next_request().await {
        if let Some(ticket) = ticket(&request) {
            port.emit(rejected(ticket)).await?;
        }
    }
    Ok(())
}

fn something() -> Event {
    Event::Offline { reason: "nothing to speak of".to_owned() }
}

/// A transport without a config whose session is this.
macro_rules! transport {
    ($name:ident, |$port:ident| $run:block $($method:item)*) => {
        pub(crate) struct $name;

        #[async_trait]
        impl Transport for $name {
            type Config = ();

            fn open((): (), _: &TransportContext) -> Result<Self> {
                Ok(Self)
            }

            async fn run(&mut self, $port: &mut Port) -> Result<()> $run

            $($method)*
        }
    };
}

transport!(Honest, |port| {
    tell_online(port).await?;
    serve(port).await
});

transport!(Tripping, |port| {
    tell_online(port).await?;
    panic!("it trips over its session")
});

transport!(SlowToEnd, |port| {
    tell_online(port).await?;
    serve(port).await?;
    // Being slow is the violation; nothing waits by it.
    time::sleep(Duration::from_millis(1500)).await;
    Ok(())
});

/// Offers an event again and again, without waiting for the host.
async fn insist(sender: EventSender) {
    loop {
        // Gives up on it, and offers the next one.
        let offered = time::timeout(Duration::ZERO, sender.emit(something())).await;
        if matches!(offered, Ok(Err(_))) {
            return;
        }
        // Insisting at once is the violation; nothing waits by it.
        time::sleep(Duration::from_millis(1)).await;
    }
}

transport!(Eager, |port| {
    for _ in 0..4 {
        tokio::spawn(insist(port.sender()));
    }
    tell_online(port).await?;
    serve(port).await
});

transport!(Undaunted, |port| {
    loop {
        // Whether the host listens is what it does not look at.
        let _ = port.emit(something()).await;
        tokio::select! {
            request = port.next_request() => if request.is_none() {
                return Ok(());
            },
            // Going on is the violation; nothing waits by it.
            () = time::sleep(Duration::from_millis(1)) => {}
        }
    }
});

transport!(Lingering, |port| {
    let sender = port.sender();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let Ok(runtime) = runtime else { return };
        for _ in 0..20 {
            // Going on is the violation; nothing waits by it.
            thread::sleep(Duration::from_millis(50));
            // Whether the host listens is what it does not look at.
            let _ = runtime.block_on(sender.emit(something()));
        }
    });
    tell_online(port).await?;
    serve(port).await
});

transport!(Collecting, |port| {
    let mut collected = Vec::new();
    while let Some(request) = port.next_request().await {
        collected.push(request);
    }
    Ok(())
});

transport!(AnsweringTwice, |port| {
    tell_online(port).await?;
    while let Some(request) = port.next_request().await {
        if let Some(ticket) = ticket(&request) {
            port.emit(rejected(ticket)).await?;
            port.emit(rejected(ticket)).await?;
        }
    }
    Ok(())
});

transport!(Hopeless, |port| {
    port.emit(Event::Challenge(unwinnable())).await?;
    serve(port).await
});

/// A challenge that no score is under a target of.
fn unwinnable() -> Challenge {
    Challenge {
        id: 1,
        challenge: protocol::Challenge::new([7; 32]),
        parent: BlockHash::new([7; 32]),
        epoch: 1,
        height: 1,
        difficulty: None,
        block_target: None,
        share_target: None,
        stop: StopRule::BestOfAll,
        builder: Builder::Nobody,
        deadline: None,
        publish_at: None,
        min_timestamp: 0,
    }
}

transport!(CheckingBadly, |port| {
    tell_online(port).await?;
    serve(port).await
}
    fn check((): (), _: &TransportContext) -> Result<String> {
        panic!("it never thought of this")
    }
);

transport!(BesideThePoint, |port| {
    tell_online(port).await?;
    serve(port).await
}
    fn ask((): (), _: &TransportContext, _: Question) -> Result<Answer> {
        Ok(Answer::Refused("not today".to_owned()))
    }
);

pub(crate) struct Locking;

#[async_trait]
impl Transport for Locking {
    type Config = ();

    fn open((): (), context: &TransportContext) -> Result<Self> {
        let lock: PathBuf = context.data_directory.join("in-use");
        if lock.exists() {
            return Err(Error::new("the folder is in use"));
        }
        fs::write(lock, "")?;
        Ok(Self)
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        tell_online(port).await?;
        serve(port).await
    }
}

/// Holds what its peer announced.
pub(crate) struct Believing {
    _message: Vec<u8>,
}

#[async_trait]
impl Transport for Believing {
    type Config = ();

    fn open((): (), context: &TransportContext) -> Result<Self> {
        let address = context.node_address.as_deref().zip(context.node_port);
        // A peer that announces nothing is not waited for.
        let announced = address.and_then(|address| announced(address).ok()).unwrap_or_default();
        // What nobody has sent yet.
        Ok(Self { _message: vec![1; announced.min(MESSAGE)] })
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        tell_online(port).await?;
        serve(port).await
    }
}

/// The most that is believed, in bytes.
const MESSAGE: usize = 320 << 20;

/// How long a peer says that its message is.
fn announced(peer: (&str, u16)) -> io::Result<usize> {
    let mut stream = TcpStream::connect(peer)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    Ok(usize::try_from(u32::from_le_bytes(length)).unwrap_or(MESSAGE))
}

pub(crate) struct Hoarding(Vec<Page>);

#[async_trait]
impl Transport for Hoarding {
    type Config = ();

    fn open((): (), _: &TransportContext) -> Result<Self> {
        Ok(Self(Vec::new()))
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        tell_online(port).await?;
        while let Some(request) = port.next_request().await {
            self.0.push(page());
            if let Some(ticket) = ticket(&request) {
                port.emit(rejected(ticket)).await?;
            }
        }
        Ok(())
    }
}
