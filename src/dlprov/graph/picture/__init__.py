"""Pictures of provenance in W3C notation: DOT, SVG, PNG and PDF."""
