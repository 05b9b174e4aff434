//! A cable to a node, whose first connection is cut.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use socket2::SockRef;
use spacetime_tests::address;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

/// What a connection may take to come as far as its cut.
const DEADLINE: Duration = Duration::from_secs(60);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToNode,
    ToMiner,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Both ends are closed, within a frame or not.
    Close,
    /// Both ends are told that the connection was reset.
    Reset,
    /// Nothing gets through any more, and nobody is told.
    Silence,
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) way: Way,
    pub(crate) after: usize,
    pub(crate) how: How,
}

/// What went through a cable.
#[derive(Default)]
pub(crate) struct Seen {
    /// Connections that were accepted so far.
    connections: watch::Sender<usize>,
    /// Of the first connection.
    to_node: Mutex<Vec<u8>>,
    to_miner: Mutex<Vec<u8>>,
    cut_at: watch::Sender<Option<Instant>>,
}

impl Seen {
    /// The first connection's bytes.
    pub(crate) fn bytes(&self, way: Way) -> Vec<u8> {
        self.of(way).lock().unwrap().clone()
    }

    /// Waits until a second connection was accepted; how many there were by
    /// then. The miner has it before that: the system takes it for the cable.
    pub(crate) async fn is_connected_again(&self) -> usize {
        let mut connections = self.connections.subscribe();
        let again = timeout(DEADLINE, connections.wait_for(|connections| *connections > 1)).await;
        *again.expect("nobody connects again").unwrap()
    }

    /// Waits until it was cut; when.
    pub(crate) async fn is_cut(&self) -> Instant {
        let mut cut = self.cut_at.subscribe();
        let cut = timeout(DEADLINE, cut.wait_for(Option::is_some)).await;
        let cut = cut.expect("the connection never comes so far").unwrap();
        cut.expect("it was waited for")
    }

    fn of(&self, way: Way) -> &Mutex<Vec<u8>> {
        match way {
            Way::ToNode => &self.to_node,
            Way::ToMiner => &self.to_miner,
        }
    }
}

/// Forwards to a node, and cuts the first connection; later ones are whole.
pub(crate) async fn cable(node: SocketAddr, cut: Option<Cut>, seen: Arc<Seen>) -> SocketAddr {
    let listener = TcpListener::bind(address::own()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut cut = cut;
        while let Ok((near, _)) = listener.accept().await {
            let is_first = *seen.connections.borrow() == 0;
            seen.connections.send_modify(|connections| *connections += 1);
            let Ok(far) = TcpStream::connect(node).await else { continue };
            let seen = is_first.then(|| seen.clone());
            tokio::spawn(forward(near, far, cut.take(), seen));
        }
    });
    address
}

/// Where the next connection is cut, and who sees it.
type Armed = (Cut, Arc<Seen>);

/// A cable that stays, whose next connection can be cut.
pub(crate) struct Lasting {
    pub(crate) address: SocketAddr,
    armed: Arc<Mutex<Option<Armed>>>,
    /// Changes when what is connected shall break.
    broken: watch::Sender<()>,
}

impl Lasting {
    /// Forwards every connection to a node.
    pub(crate) async fn to(node: SocketAddr) -> Self {
        let listener = TcpListener::bind(address::own()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let armed = Arc::new(Mutex::new(None::<Armed>));
        let (broken, _) = watch::channel(());
        let (next, breaks) = (armed.clone(), broken.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(node).await else { continue };
                let (cut, seen) = next.lock().unwrap().take().unzip();
                let mut breaks = breaks.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        () = forward(near, far, cut, seen) => {}
                        _ = breaks.changed() => {}
                    }
                });
            }
        });
        Self { address, armed, broken }
    }

    /// Breaks what is connected; the next connection is cut.
    pub(crate) fn cut_the_next(&self, cut: Cut) -> Arc<Seen> {
        let seen = Arc::<Seen>::default();
        *self.armed.lock().unwrap() = Some((cut, seen.clone()));
        self.broken.send_replace(());
        seen
    }
}

/// Forwards both ways until either is over, or the cable is cut.
async fn forward(
    mut near: TcpStream,
    mut far: TcpStream,
    cut: Option<Cut>,
    seen: Option<Arc<Seen>>,
) {
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let limit = |way| cut.filter(|cut| cut.way == way).map_or(usize::MAX, |cut| cut.after);
    let log = |way| seen.as_ref().map(|seen| seen.of(way));
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.split(), far.split());
    let is_cut = tokio::select! {
        cut = pass(&mut near_in, &mut far_out, limit(Way::ToNode), log(Way::ToNode)) => cut,
        cut = pass(&mut far_in, &mut near_out, limit(Way::ToMiner), log(Way::ToMiner)) => cut,
    };
    let how = cut.filter(|_| is_cut).map_or(How::Close, |cut| cut.how);
    if let Some(seen) = seen.filter(|_| is_cut) {
        seen.cut_at.send_replace(Some(Instant::now()));
    }
    match how {
        How::Close => {}
        How::Reset => {
            for stream in [&near, &far] {
                SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        How::Silence => {
            // Until the miner leaves it.
            let _ = copy(&mut near_in, &mut sink()).await;
        }
    }
    // Dropped, both are closed.
}

/// Passes bytes on until the end; whether that was the cut.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    limit: usize,
    log: Option<&Mutex<Vec<u8>>>,
) -> bool {
    let (mut left, mut buffer) = (limit, [0; 4096]);
    while left > 0 {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return false };
        let now = read.min(left);
        if to.write_all(&buffer[..now]).await.is_err() {
            return false;
        }
        if let Some(log) = log {
            log.lock().unwrap().extend_from_slice(&buffer[..now]);
        }
        left -= now;
    }
    true
}
