//! The verification of signatures.
//!
//! `jsonwebtoken` reads tokens and key sets and leaves the arithmetic to whom it is told; here that is ring, which TLS is made of
//! as well. Nothing here signs, and a symmetric algorithm has no way in.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature as ring;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    // For making key sets out of keys, which nobody here does.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the arithmetic of `jsonwebtoken` in this process.
pub(super) fn install() {
    // A second time is as good as the first.
    let _ = PROVIDER.install_default();
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if algorithm.family() != key.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let check = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => Check::Rsa {
            parameters: rsa(*algorithm)?,
            key: ring::RsaPublicKeyComponents {
                n: n.clone(),
                e: e.clone(),
            },
        },
        DecodingKeyKind::SecretOrDer(point) => {
            Check::Curve(ring::UnparsedPublicKey::new(curve(*algorithm)?, point.clone()))
        }
    };
    Ok(Box::new(Ring {
        algorithm: *algorithm,
        check,
    }))
}

struct Ring {
    algorithm: Algorithm,
    check: Check,
}

enum Check {
    Rsa {
        parameters: &'static ring::RsaParameters,
        key: ring::RsaPublicKeyComponents<Vec<u8>>,
    },
    Curve(ring::UnparsedPublicKey<Vec<u8>>),
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        match &self.check {
            Check::Rsa { parameters, key } => key.verify(parameters, message, signature),
            Check::Curve(key) => key.verify(message, signature),
        }
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// RFC 7518 §3.3 and §3.5: a modulus has 2048 bits and more.
fn rsa(algorithm: Algorithm) -> Result<&'static ring::RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Ok(&ring::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Ok(&ring::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Ok(&ring::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Ok(&ring::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Ok(&ring::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Ok(&ring::RSA_PSS_2048_8192_SHA512),
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

fn curve(algorithm: Algorithm) -> Result<&'static dyn ring::VerificationAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Ok(&ring::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Ok(&ring::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Ok(&ring::ED25519),
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}
