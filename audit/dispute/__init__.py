"""Dispute bundles: everything about one post, provable without the journal and without any other post."""

from audit.dispute.bundle import Bundle, decode_bundle, encode_bundle
from audit.dispute.checking import BundleReport, check_bundle
from audit.dispute.collecting import make_bundles

__all__ = ["Bundle", "BundleReport", "check_bundle", "decode_bundle", "encode_bundle", "make_bundles"]
