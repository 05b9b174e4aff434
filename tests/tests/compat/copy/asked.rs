//! A plugin built against an SDK copy whose root module has no field for
//! questions: nobody sees that its transport would answer.

use spacetime_sdk::{
    Answer, Event, Port, Question, Result, Transport, TransportContext, async_trait,
};

struct Oracle;

#[async_trait]
impl Transport for Oracle {
    type Config = ();

    fn open((): (), _context: &TransportContext) -> Result<Self> {
        Ok(Self)
    }

    fn ask((): (), _context: &TransportContext, _question: Question) -> Result<Answer> {
        Ok(Answer::Refused("asked all the same".to_owned()))
    }

    async fn run(&mut self, port: &mut Port) -> Result<()> {
        port.emit(Event::Online { detail: "an earlier version".to_owned() }).await?;
        while port.next_request().await.is_some() {}
        Ok(())
    }
}

spacetime_sdk::export_plugin! {
    transport "oracle": Oracle, "Is not asked";
}
