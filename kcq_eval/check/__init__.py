"""One number, one id, everywhere: finished documents are read back and every numeral in them is matched to what the bundle knows."""
