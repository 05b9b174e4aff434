//! Makes a transaction that its network takes: what is wrong with it is said
//! before anybody else sees it. Sends nothing.

use spacetime_protocol::{
    Identity, MAX_NUMBER,
    accounts::Account,
    ask::AccountState,
    keys::{self, Scheme, SecretKey},
    transaction::Transaction,
    validity::{Admission, check_transaction},
};
use thiserror::Error;

/// What is to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// To whom.
    pub recipient: Identity,
    /// How much.
    pub amount: u64,
    /// What the miner of its block gets.
    pub fee: u64,
    /// The nonce, if it is not to be the sender's next one.
    pub nonce: Option<u64>,
}

/// Why a payment cannot be made: a sentence with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PaymentError {
    /// Coins would go where nobody can spend them.
    #[error(
        "{0} is nobody's identity: one begins with `ed` (ed25519), `02` or `03` (secp256k1), as \
         `spacetime-miner key show` prints it"
    )]
    Nobody(Identity),
    /// The same, of one that only looks like an identity.
    #[error(
        "{0} is nobody's identity: it is no public key of its scheme, and what is sent there is \
         lost; compare it with what `spacetime-miner key show` prints"
    )]
    NoPublicKey(Identity),
    /// A transaction to oneself.
    #[error("{0} is the sender's own identity: name somebody else's with --to")]
    ToOneself(Identity),
    /// Nothing, or more than there can be.
    #[error("the amount is {amount}: it is at least 1 and at most {MAX_NUMBER}")]
    Amount {
        /// The amount.
        amount: u64,
    },
    /// A fee that no pool takes.
    #[error("the fee is {fee}: it is at least {least} and at most {most}")]
    Fee {
        /// The fee.
        fee: u64,
        /// The lowest.
        least: u64,
        /// The highest.
        most: u64,
    },
    /// The sender cannot pay for it.
    #[error("{sender} owns {balance}{bound}, and the amount and the fee take {needed} together")]
    Balance {
        /// Who pays.
        sender: Identity,
        /// What it owns.
        balance: u64,
        /// What its pending transactions leave of it, if there are any.
        bound: Bound,
        /// What it would take.
        needed: u128,
    },
    /// The nonce of a transaction that is in a block.
    #[error(
        "nonce {nonce} is used already: the sender's next is {next} (leave --nonce out for it)"
    )]
    NonceUsed {
        /// The nonce.
        nonce: u64,
        /// The next one.
        next: u64,
    },
    /// A nonce with a gap before it.
    #[error("nonce {nonce} leaves a gap: the sender's next is {next} (leave --nonce out for it)")]
    NonceAhead {
        /// The nonce.
        nonce: u64,
        /// The next one.
        next: u64,
    },
    /// A rule that is not among those above.
    #[error("it is not valid: {0}")]
    Rule(String),
}

/// What pending transactions leave of a balance; `None`: there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound(Option<u64>);

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(left) => write!(f, ", of which its pending transactions leave {left}"),
        }
    }
}

impl Payment {
    /// Checks what needs no account.
    ///
    /// # Errors
    ///
    /// See [`PaymentError`].
    pub fn check(&self, sender: &Identity) -> Result<(), PaymentError> {
        let Self { recipient, amount, fee, .. } = *self;
        let Admission { minimum_fee: least, maximum_fee: most, .. } = Admission::DEFAULT;
        if Scheme::of(&recipient).is_none() {
            return Err(PaymentError::Nobody(recipient));
        }
        if !keys::is_public_key(&recipient) {
            return Err(PaymentError::NoPublicKey(recipient));
        }
        if recipient == *sender {
            return Err(PaymentError::ToOneself(recipient));
        }
        if !(1..=MAX_NUMBER).contains(&amount) {
            return Err(PaymentError::Amount { amount });
        }
        if !(least..=most).contains(&fee) {
            return Err(PaymentError::Fee { fee, least, most });
        }
        Ok(())
    }

    /// Makes and signs the transaction for an account as it stands, and checks
    /// it by the network's rules.
    ///
    /// # Errors
    ///
    /// See [`PaymentError`].
    pub fn sign(&self, key: &SecretKey, state: &AccountState) -> Result<Transaction, PaymentError> {
        self.check(&key.identity())?;
        let nonce = self.nonce.unwrap_or(state.next_nonce);
        if nonce < state.nonce {
            return Err(PaymentError::NonceUsed { nonce, next: state.next_nonce });
        }
        if nonce > state.next_nonce {
            return Err(PaymentError::NonceAhead { nonce, next: state.next_nonce });
        }
        // What a transaction that is replaced takes, only the chain knows.
        let is_next = nonce == state.next_nonce;
        let balance = if is_next { state.spendable } else { state.balance };
        let needed = u128::from(self.amount) + u128::from(self.fee);
        if needed > u128::from(balance) {
            let has_pending = is_next && state.next_nonce > state.nonce;
            let bound = Bound(has_pending.then_some(state.spendable));
            let (sender, balance) = (key.identity(), state.balance);
            return Err(PaymentError::Balance { sender, balance, bound, needed });
        }
        let transaction = Transaction {
            version: 1,
            sender: key.identity(),
            recipient: self.recipient,
            amount: self.amount,
            nonce,
            fee: self.fee,
            signature: None,
        };
        let transaction = transaction.sign(key);
        let account = |_: &Identity| Account { balance, nonce };
        check_transaction(&transaction, &Admission::DEFAULT, account, None, &keys::verify)
            .map_err(|error| PaymentError::Rule(error.to_string()))?;
        Ok(transaction)
    }
}

#[cfg(test)]
mod tests {
    use spacetime_protocol::BlockHash;

    use super::*;

    fn key(scheme: Scheme, number: u8) -> SecretKey {
        SecretKey::new(scheme, [number; 32].into()).unwrap()
    }

    /// Nothing but the mark of a scheme.
    fn no_point(tag: u8) -> Identity {
        let mut bytes = [0; Identity::SIZE];
        bytes[0] = tag;
        Identity::new(bytes)
    }

    fn state(sender: &SecretKey) -> AccountState {
        AccountState {
            identity: sender.identity(),
            balance: 100,
            nonce: 3,
            next_nonce: 5,
            spendable: 60,
            tip: BlockHash::ZERO,
            height: 7,
        }
    }

    #[test]
    fn payments_are_signed_by_either_scheme_with_the_next_nonce() {
        let other = key(Scheme::Ed25519, 9).identity();
        for scheme in [Scheme::Ed25519, Scheme::Secp256k1] {
            let key = key(scheme, 1);
            let payment = Payment { recipient: other, amount: 50, fee: 10, nonce: None };
            let transaction = payment.sign(&key, &state(&key)).unwrap();
            assert!(transaction.is_signed_by_sender());
            assert_eq!((transaction.nonce, transaction.sender), (5, key.identity()));
            // One that replaces a pending one may take all that there is.
            let again = Payment { amount: 90, nonce: Some(4), ..payment };
            assert_eq!(again.sign(&key, &state(&key)).unwrap().nonce, 4);
        }
    }

    #[test]
    fn what_cannot_be_paid_says_both_numbers() {
        let (sender, recipient) = (key(Scheme::Ed25519, 1), key(Scheme::Ed25519, 9).identity());
        let payment = Payment { recipient, amount: 51, fee: 10, nonce: None };
        let text = payment.sign(&sender, &state(&sender)).unwrap_err().to_string();
        assert!(text.contains("owns 100") && text.contains("leave 60"), "{text}");
        assert!(text.ends_with("take 61 together"), "{text}");
        let alone = AccountState { next_nonce: 3, spendable: 100, ..state(&sender) };
        let payment = Payment { amount: u64::MAX >> 1, ..payment };
        let text = payment.sign(&sender, &alone).unwrap_err().to_string();
        assert!(text.contains("owns 100, and") && text.contains("9223372036854775817"), "{text}");
    }

    #[test]
    fn refusals_name_the_culprit() {
        let (sender, recipient) = (key(Scheme::Ed25519, 1), key(Scheme::Ed25519, 9).identity());
        let good = Payment { recipient, amount: 1, fee: 1, nonce: None };
        let itself = sender.identity();
        for (payment, told) in [
            (Payment { recipient: Identity::ZERO, ..good }, "nobody's identity"),
            (Payment { recipient: no_point(2), ..good }, "it is no public key of its scheme"),
            (Payment { recipient: no_point(0xED), ..good }, "it is no public key of its scheme"),
            (Payment { recipient: itself, ..good }, "own identity"),
            (Payment { amount: 0, ..good }, "the amount is 0"),
            (Payment { amount: MAX_NUMBER + 1, ..good }, "at most 9223372036854775807"),
            (Payment { fee: 0, ..good }, "the fee is 0: it is at least 1"),
            (Payment { fee: 1_000_001, ..good }, "at most 1000000"),
            (Payment { nonce: Some(2), ..good }, "nonce 2 is used already: the sender's next is 5"),
            (Payment { nonce: Some(6), ..good }, "nonce 6 leaves a gap"),
        ] {
            let text = payment.sign(&sender, &state(&sender)).unwrap_err().to_string();
            assert!(text.contains(told), "{text}");
        }
    }
}
