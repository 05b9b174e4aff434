//! A cable between programs under test: a TCP forwarder that can be cut and
//! mended.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// A forwarder to one address.
pub struct Cable {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    is_cut: bool,
    /// Both ends of what is connected, or was.
    open: Vec<TcpStream>,
}

impl Cable {
    /// Forwards every connection to this address.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { is_cut: false, open: Vec::new() }));
        let shared = state.clone();
        // Ends with the test's process.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                connect(near, target, &shared);
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts it: what is connected breaks, and nothing connects any more.
    pub fn cut(&self) {
        let mut state = self.state();
        state.is_cut = true;
        for stream in state.open.drain(..) {
            // The other end may have closed it.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Mends it.
    pub fn mend(&self) {
        self.state().is_cut = false;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(near: TcpStream, target: SocketAddr, state: &Mutex<State>) {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.is_cut {
        return;
    }
    let Ok(far) = TcpStream::connect(target) else { return };
    state.open.retain(|stream| stream.take_error().is_ok() && stream.peer_addr().is_ok());
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap();
        state.open.push(stream.try_clone().unwrap());
    }
    let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
    thread::spawn(move || forward(near, far));
    thread::spawn(move || forward(back.0, back.1));
}

/// Passes bytes on until either end closes; both are closed then.
fn forward(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // It may be closed already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}
