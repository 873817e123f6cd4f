"""What stands between the network and the pages: headers, sizes and rates."""
