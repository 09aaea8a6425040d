//! A backend as it is written on the command line.

/// `HOST:PORT[,name=NAME][,weight=N]`. Address and name are checked with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BackendChoice {
    pub(super) address: String,
    pub(super) name: Option<String>,
    pub(super) weight: Option<u32>,
}

pub(super) fn parse(text: &str) -> Result<BackendChoice, String> {
    let mut parts = text.split(',');
    let address = parts.next().unwrap_or_default().trim().to_owned();
    if address.is_empty() {
        return Err("write its address first, as in 127.0.0.1:9000".into());
    }
    let mut backend = BackendChoice { address, name: None, weight: None };
    for part in parts {
        match part.trim().split_once('=') {
            Some(("name", name)) if backend.name.is_none() => backend.name = Some(name.to_owned()),
            Some(("weight", weight)) if backend.weight.is_none() => backend.weight = Some(number(weight)?),
            Some((key @ ("name" | "weight"), _)) => return Err(format!("`{key}` is there twice")),
            _ => return Err(format!("`{part}` is neither name=NAME nor weight=N")),
        }
    }
    Ok(backend)
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is no weight; write a number from 1 to 1000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_weight_follow_the_address() {
        let parsed = |text: &str| {
            parse(text).map(|backend| {
                (backend.address, backend.name.unwrap_or_default(), backend.weight.unwrap_or(0))
            })
        };
        let good = |address: &str, name: &str, weight| Ok((address.to_owned(), name.to_owned(), weight));
        assert_eq!(parsed("10.0.0.1:80"), good("10.0.0.1:80", "", 0));
        assert_eq!(parsed("[::1]:80,weight=3"), good("[::1]:80", "", 3));
        assert_eq!(parsed(" a:80, name=x=y , weight=2"), good("a:80", "x=y", 2));
        for (text, fault) in [
            ("", "write its address first, as in 127.0.0.1:9000"),
            (",name=a", "write its address first, as in 127.0.0.1:9000"),
            ("a:80,", "`` is neither name=NAME nor weight=N"),
            ("a:80,b:80", "`b:80` is neither name=NAME nor weight=N"),
            ("a:80,weigth=2", "`weigth=2` is neither name=NAME nor weight=N"),
            ("a:80,name=a,name=b", "`name` is there twice"),
            ("a:80,weight=-1", "`-1` is no weight; write a number from 1 to 1000"),
        ] {
            assert_eq!(parsed(text), Err(fault.to_owned()), "{text:?}");
        }
    }
}
